"""From counted events to time: a small additive model with few constants for each core.

Every operator is a sum of terms, and the network is the sum of its operators. Cycles of an operator
that the engine shares out are divided among threads; lines moved and memory traffic are not, as the
threads share the path to memory. Knows the arithmetic; must not know how events were counted.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields

from edgeml_devices.device import Calibration


@dataclass(frozen=True)
class Load:
    """The events of one operator on one thread.

    Args:
        cycles: Of the core's pipeline by the scheduling model, with every load in L1.
        block_entries: Entries into blocks that are no loop iterations.
        l2_lines: Lines moved from L2 to L1.
        l3_lines: Lines moved from L3 to L2; 0 without L3.
        dram_lines: Lines moved between the last cache and memory, both ways.
        line_bytes: Length of a line.
        parallel: Whether the engine shares the operator out to its threads.
    """

    cycles: float
    block_entries: float
    l2_lines: float
    l3_lines: float
    dram_lines: float
    line_bytes: int
    parallel: bool


@dataclass(frozen=True)
class LatencyTerms:
    """What an estimate is made of, in milliseconds; the estimate is their sum."""

    compute_ms: float
    branches_ms: float
    l2_ms: float
    l3_ms: float
    dram_ms: float
    sync_ms: float

    @property
    def total_ms(self) -> float:
        """The estimate."""
        memory_ms = self.l2_ms + self.l3_ms + self.dram_ms
        return self.compute_ms + self.branches_ms + memory_ms + self.sync_ms

    @property
    def limit(self) -> str:
        """What takes most of the time: ``compute``, ``l2``, ``dram`` or ``sync``."""
        groups = {
            "compute": self.compute_ms + self.branches_ms,
            "l2": self.l2_ms + self.l3_ms,
            "dram": self.dram_ms,
            "sync": self.sync_ms,
        }
        return max(groups, key=lambda name: groups[name])

    def to_json(self) -> dict[str, float]:
        """Return the terms by name, in milliseconds."""
        return {name.removesuffix("_ms"): value for name, value in vars(self).items()}

    @classmethod
    def sum(cls, parts: Iterable["LatencyTerms"]) -> "LatencyTerms":
        """Return the terms of operators that run one after the other."""
        kept = tuple(parts)
        return cls(*(sum(getattr(part, field.name) for part in kept) for field in fields(cls)))


def latency_terms(
    load: Load, constants: Calibration, clock_mhz: float, threads: int
) -> LatencyTerms:
    """Return the terms of the latency of one operator.

    Args:
        load: Events on one thread.
        constants: Of the core.
        clock_mhz: Of the core.
        threads: Of the engine.
    """
    sharing = threads if load.parallel else 1
    cycles_per_ms = clock_mhz * 1e3 * sharing
    l3_line_ns = constants.l3_line_ns or 0.0
    sync_us = constants.operator_sync_us if sharing > 1 else 0.0
    return LatencyTerms(
        compute_ms=constants.compute_factor * load.cycles / cycles_per_ms,
        branches_ms=constants.block_entry_cycles * load.block_entries / cycles_per_ms,
        l2_ms=constants.l2_line_ns * load.l2_lines * 1e-6,
        l3_ms=l3_line_ns * load.l3_lines * 1e-6,
        dram_ms=load.line_bytes * load.dram_lines / constants.dram_gb_per_s * 1e-6,
        sync_ms=sync_us * 1e-3,
    )
