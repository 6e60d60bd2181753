"""What the plugin reports of one inference.

Knows the ``edgeml.counts/1`` document; must not know what a block or a miss costs.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from edgeml_runtime.errors import InternalError

LevelName = Literal["l1d", "l2", "l3"]


@dataclass(frozen=True)
class CacheShape:
    """One data cache to simulate."""

    name: LevelName
    size_bytes: int
    ways: int
    line_bytes: int


@dataclass(frozen=True)
class CacheCounts:
    """Events of one cache.

    Args:
        accesses: Loads and stores, or for outer levels the misses of the level before.
        misses: Lines fetched from the level below.
        write_backs: Modified lines handed to the level below, or to memory.
    """

    accesses: int
    misses: int
    write_backs: int


@dataclass(frozen=True)
class TranslationBlock:
    """A stretch of code that QEMU translated at once: one entry, one exit.

    Args:
        address: Of its first instruction, in the guest.
        code: Its bytes.
        instructions: How many instructions these are.
        executions: How often the main thread ran it.
    """

    address: int
    code: bytes
    instructions: int
    executions: int


@dataclass(frozen=True)
class ClockRead:
    """A clock read of the guest and what it was told."""

    clock: int
    seconds: int
    nanoseconds: int

    @property
    def time_ns(self) -> int:
        """The time in nanoseconds since whatever the clock counts from."""
        return self.seconds * 1_000_000_000 + self.nanoseconds


@dataclass(frozen=True)
class Slice:
    """The main thread from one clock read to the next.

    Args:
        end: The clock read that ends it; ``None`` at the end of the run.
        caches: Events by level.
        executions: Index in ``Counts.blocks`` to executions.
    """

    end: ClockRead | None
    caches: Mapping[LevelName, CacheCounts]
    executions: Mapping[int, int]


@dataclass(frozen=True)
class Counts:
    """One marked inference.

    Args:
        target: QEMU's name of the guest, such as ``aarch64``.
        run_instructions: Instructions of the main thread in the engine's own run call.
        call_instructions: The same for the whole call into edgeml's runtime around it.
        thread_instructions: Of each thread, from the attaching to the end, by QEMU's index.
        caches: Events by level; empty when no caches were simulated.
        blocks: Executed blocks of the main thread in the run call, by address.
        slices: The run call cut at the guest's clock reads.
    """

    target: str
    run_instructions: int
    call_instructions: int
    thread_instructions: Mapping[int, int]
    caches: Mapping[LevelName, CacheCounts]
    blocks: tuple[TranslationBlock, ...]
    slices: tuple[Slice, ...]


def read_counts(path: Path) -> Counts:
    """Return the report at *path*.

    Raises:
        InternalError: There is none, so the guest never reached the last marker.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InternalError(
            "The emulated program ended without a report of the counter.",
            "Run again with --debug; when that repeats, please report it with the model.",
        ) from error
    entries = sorted(document["blocks"], key=lambda entry: (entry["address"], entry["code"]))
    places = {entry["id"]: place for place, entry in enumerate(entries)}
    levels: tuple[LevelName, ...] = tuple(document["caches"])
    return Counts(
        target=document["target"],
        run_instructions=document["run_instructions"],
        call_instructions=document["call_instructions"],
        thread_instructions={int(k): v for k, v in document["vcpus"].items()},
        caches={name: CacheCounts(**entry) for name, entry in document["caches"].items()},
        blocks=tuple(_block(entry) for entry in entries),
        slices=tuple(_slice(entry, levels, places) for entry in document["slices"]),
    )


def _block(entry: Mapping[str, Any]) -> TranslationBlock:
    code = bytes.fromhex(entry["code"])
    return TranslationBlock(entry["address"], code, entry["instructions"], entry["executions"])


def _slice(
    entry: Mapping[str, Any], levels: tuple[LevelName, ...], places: Mapping[int, int]
) -> Slice:
    read = ClockRead(entry["clock"], entry["seconds"], entry["nanoseconds"])
    caches = (CacheCounts(*events) for events in entry["caches"])
    return Slice(
        end=None if read.clock < 0 else read,
        caches=dict(zip(levels, caches, strict=True)),
        # Blocks that only ran as often as in the empty run are not in the list.
        executions={places[block]: n for block, n in entry["blocks"] if block in places},
    )
