"""Prices of blocks, kept on disk: a block is analysed once for each core and LLVM version.

Knows the store; the pricing itself is `edgeml_devices.latency.mca`.
"""

import contextlib
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from edgeml_devices.cache import cache_root, make_folder
from edgeml_devices.latency.llvm import Llvm
from edgeml_devices.latency.mca import BlockCost, block_cycles
from edgeml_runtime.errors import MissingToolError
from edgeml_runtime.progress import Progress, silent

_BUSY_TIMEOUT_S = 60
# Part of the file's name: raised when the options of the analysis change the prices.
_PRICING = 2


def priced_blocks(
    codes: Iterable[bytes], cpu: str, llvm: Llvm, progress: Progress = silent
) -> dict[bytes, BlockCost]:
    """Return the cycles of each block, from the store where they are known.

    Args:
        codes: Code of each block.
        cpu: Name of the scheduling model.
        llvm: The tools, and the version that prices are kept for.
        progress: Told the number of blocks analysed.

    Raises:
        MissingToolError: The store cannot be read or written.
    """
    wanted = list(dict.fromkeys(codes))
    store = _store_path(cpu, llvm)
    known = _load(store, wanted)
    new = block_cycles([code for code in wanted if code not in known], cpu, llvm, progress)
    if new:
        _save(store, new)
    return {code: known[code] if code in known else new[code] for code in wanted}


def _store_path(cpu: str, llvm: Llvm) -> Path:
    name = re.sub(r"[^\w.+-]", "_", f"{cpu}-llvm{llvm.version}-{_PRICING}")
    return cache_root() / "block-costs" / f"{name}.sqlite"


def _load(store: Path, codes: Sequence[bytes]) -> dict[bytes, BlockCost]:
    if not store.is_file():
        return {}
    select = (
        "SELECT repeated, overlapped FROM costs WHERE code = ? "
        "AND typeof(repeated) = 'real' AND typeof(overlapped) = 'real'"
    )
    try:
        with _opened(store) as connection:
            rows = ((code, connection.execute(select, (code,)).fetchone()) for code in codes)
            return {code: BlockCost(*row) for code, row in rows if row is not None}
    except sqlite3.DatabaseError:
        store.unlink(missing_ok=True)  # damaged: the prices are computed again
        return {}


def _save(store: Path, costs: Mapping[bytes, BlockCost]) -> None:
    make_folder(store.parent)
    with _opened(store) as connection, connection:
        connection.executemany(
            "INSERT OR REPLACE INTO costs VALUES (?, ?, ?)",
            ((code, cost.repeated, cost.overlapped) for code, cost in costs.items()),
        )


@contextlib.contextmanager
def _opened(store: Path) -> Iterator[sqlite3.Connection]:
    table = (
        "CREATE TABLE IF NOT EXISTS costs (code BLOB PRIMARY KEY, repeated REAL, overlapped REAL)"
    )
    try:
        with contextlib.closing(sqlite3.connect(store, timeout=_BUSY_TIMEOUT_S)) as connection:
            connection.execute(table)
            yield connection
    except sqlite3.OperationalError as error:  # locked, full, not writable: not damaged
        raise MissingToolError(
            f"The prices in {store} cannot be used: {error}.",
            "Set EDGEML_CACHE to a folder that you may write to, or delete that file.",
        ) from error
