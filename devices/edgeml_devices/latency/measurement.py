"""The counts of one inference, as values and as a document.

Must not know how they are counted, nor what they cost in time. They depend neither on the number of
threads nor on a constant of the latency model, so that one emulation serves all of those.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgeml_devices.emulation.plugin import CacheCounts, Counts
from edgeml_devices.latency.blocks import DistinctBlock, block_entries, distinct_blocks

SCHEMA = "edgeml.measurement/1"


@dataclass(frozen=True)
class Measurement:
    """The counts of one inference on one thread.

    Args:
        engine_version: As the engine itself says in the guest.
        instructions: In the engine's own run call.
        runtime_instructions: More instructions in the call into edgeml's runtime around it.
        block_entries: Entries into blocks that are no loop iterations.
        blocks: Distinct blocks, the one with the most executed instructions first.
        caches: Events by level, ``l1d`` first.
        line_bytes: Length of a cache line.
    """

    engine_version: str
    instructions: int
    runtime_instructions: int
    block_entries: int
    blocks: tuple[DistinctBlock, ...]
    caches: Mapping[str, CacheCounts]
    line_bytes: int

    @classmethod
    def from_counts(cls, counts: Counts, engine_version: str, line_bytes: int) -> "Measurement":
        """Return what matters of the counter's report."""
        return cls(
            engine_version=engine_version,
            instructions=counts.run_instructions,
            runtime_instructions=counts.call_instructions - counts.run_instructions,
            block_entries=block_entries(counts.blocks),
            blocks=distinct_blocks(counts.blocks),
            caches=dict(counts.caches.items()),
            line_bytes=line_bytes,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the ``edgeml.measurement/1`` document."""
        return {
            "schema": SCHEMA,
            "engine_version": self.engine_version,
            "instructions": self.instructions,
            "runtime_instructions": self.runtime_instructions,
            "block_entries": self.block_entries,
            "line_bytes": self.line_bytes,
            "caches": {name: vars(counts) for name, counts in self.caches.items()},
            "blocks": [[b.code.hex(), b.instructions, b.executions] for b in self.blocks],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Measurement":
        """Return the measurement that ``to_json`` described."""
        return cls(
            engine_version=document["engine_version"],
            instructions=document["instructions"],
            runtime_instructions=document["runtime_instructions"],
            block_entries=document["block_entries"],
            blocks=tuple(DistinctBlock(bytes.fromhex(c), i, n) for c, i, n in document["blocks"]),
            caches={name: CacheCounts(**entry) for name, entry in document["caches"].items()},
            line_bytes=document["line_bytes"],
        )
