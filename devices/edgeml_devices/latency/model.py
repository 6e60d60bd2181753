"""From counted events to time: a small model with few constants for each core.

Every operator has two parts. Computing is cycles of the pipeline, and they are divided among the
threads that the engine shares the operator out to. Memory is lines moved between the caches and
traffic to memory, and it is not divided, as the threads share the path. The two overlap in part:
the longer one counts in full, the shorter one by its exposed share. Branches and the waking of
threads come on top. The network is the sum of its operators.

The form was chosen on published measurements of boards (`benchmarks/latency_validation.py` shows
how well it does). Knows the arithmetic; must not know how events were counted.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields

from edgeml_devices.device import Calibration

SYNC_THREADS = 4  # that `Calibration.operator_sync_us` is for


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
    """What an estimate is made of, in milliseconds; the estimate is their sum.

    ``overlap_ms`` is what is hidden of the others, and so it is negative.
    """

    compute_ms: float
    branches_ms: float
    l2_ms: float
    l3_ms: float
    dram_ms: float
    sync_ms: float
    overlap_ms: float

    @property
    def total_ms(self) -> float:
        """The estimate."""
        memory_ms = self.l2_ms + self.l3_ms + self.dram_ms
        busy_ms = self.compute_ms + self.branches_ms + memory_ms + self.sync_ms
        return busy_ms + self.overlap_ms

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
    cycles_per_ms = clock_mhz * 1e3
    compute_ms = constants.compute_factor * load.cycles / cycles_per_ms / sharing
    l2_ms = constants.l2_line_cycles * load.l2_lines / cycles_per_ms
    l3_ms = (constants.l3_line_ns or 0.0) * load.l3_lines * 1e-6
    dram_ms = load.line_bytes * load.dram_lines / constants.dram_gb_per_s * 1e-6
    hidden_ms = (1.0 - constants.exposed_share) * min(compute_ms, l2_ms + l3_ms + dram_ms)
    sync_us = constants.operator_sync_us * (sharing - 1) / (SYNC_THREADS - 1)
    return LatencyTerms(
        compute_ms=compute_ms,
        branches_ms=constants.block_entry_cycles * load.block_entries / cycles_per_ms / sharing,
        l2_ms=l2_ms,
        l3_ms=l3_ms,
        dram_ms=dram_ms,
        sync_ms=sync_us * 1e-3,
        overlap_ms=-hidden_ms,
    )
