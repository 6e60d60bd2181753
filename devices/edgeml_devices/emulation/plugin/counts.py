"""What the plugin reports of one inference.

Knows the ``edgeml.counts/1`` document; must not know what a block or a miss costs.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

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
class Counts:
    """One marked inference.

    Args:
        target: QEMU's name of the guest, such as ``aarch64``.
        run_instructions: Instructions of the main thread in the engine's own run call.
        call_instructions: The same for the whole call into edgeml's runtime around it.
        thread_instructions: Of each thread, from the attaching to the end, by QEMU's index.
        caches: Events by level; empty when no caches were simulated.
        blocks: Executed blocks of the main thread in the run call, by address.
    """

    target: str
    run_instructions: int
    call_instructions: int
    thread_instructions: Mapping[int, int]
    caches: Mapping[LevelName, CacheCounts]
    blocks: tuple[TranslationBlock, ...]


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
    blocks = (
        TranslationBlock(
            entry["address"],
            bytes.fromhex(entry["code"]),
            entry["instructions"],
            entry["executions"],
        )
        for entry in document["blocks"]
    )
    return Counts(
        target=document["target"],
        run_instructions=document["run_instructions"],
        call_instructions=document["call_instructions"],
        thread_instructions={int(k): v for k, v in document["vcpus"].items()},
        caches={name: CacheCounts(**entry) for name, entry in document["caches"].items()},
        blocks=tuple(sorted(blocks, key=lambda block: (block.address, block.code))),
    )
