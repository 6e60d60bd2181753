"""Prices of blocks, kept on disk: a block is analysed once for each core and LLVM version.

Knows the store; the pricing itself is `edgeml_devices.latency.mca`.
"""

import contextlib
import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from edgeml_devices.cache import cache_root
from edgeml_devices.latency.llvm import Llvm
from edgeml_devices.latency.mca import block_cycles
from edgeml_runtime.progress import Progress, silent

_BUSY_TIMEOUT_S = 60
# Part of the file's name: raised when the options of the analysis change the prices.
_PRICING = 1


def priced_blocks(
    codes: Iterable[bytes], cpu: str, llvm: Llvm, progress: Progress = silent
) -> dict[bytes, float]:
    """Return the cycles of each block, from the store where they are known.

    Args:
        codes: Code of each block.
        cpu: Name of the scheduling model.
        llvm: The tools, and the version that prices are kept for.
        progress: Told the number of blocks analysed.
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


def _load(store: Path, codes: Sequence[bytes]) -> dict[bytes, float]:
    if not store.is_file():
        return {}
    with contextlib.closing(sqlite3.connect(store, timeout=_BUSY_TIMEOUT_S)) as connection:
        _create(connection)
        select = "SELECT cycles FROM costs WHERE code = ?"
        rows = ((code, connection.execute(select, (code,)).fetchone()) for code in codes)
        return {code: row[0] for code, row in rows if row is not None}


def _save(store: Path, costs: Mapping[bytes, float]) -> None:
    store.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(sqlite3.connect(store, timeout=_BUSY_TIMEOUT_S)) as connection:
        _create(connection)
        with connection:
            connection.executemany("INSERT OR REPLACE INTO costs VALUES (?, ?)", costs.items())


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE IF NOT EXISTS costs (code BLOB PRIMARY KEY, cycles REAL)")
