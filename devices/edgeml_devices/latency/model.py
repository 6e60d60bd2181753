"""From counted events to time: a small additive model with few constants for each core.

Its form was chosen on published measurements of boards: what matters most is that cycles are shared
among threads while lines moved and memory traffic are not. A classical roofline (the larger of
compute and memory) fits worse. Knows the arithmetic; must not know how events were counted.
"""

from dataclasses import dataclass

from edgeml_devices.device import Calibration


@dataclass(frozen=True)
class Workload:
    """The events of one inference on one thread.

    Args:
        cycles: Of the core's pipeline by the scheduling model, with every load in L1.
        block_entries: Entries into blocks that are no loop iterations.
        l2_lines: Lines moved from L2 to L1.
        l3_lines: Lines moved from L3 to L2; 0 without L3.
        dram_lines: Lines moved between the last cache and memory, both ways.
        line_bytes: Length of a line.
        parallel_operators: Operators whose work is shared out to the threads.
    """

    cycles: float
    block_entries: int
    l2_lines: int
    l3_lines: int
    dram_lines: int
    line_bytes: int
    parallel_operators: int


@dataclass(frozen=True)
class LatencyTerms:
    """What the estimate is made of, in milliseconds; the estimate is their sum."""

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

    def to_json(self) -> dict[str, float]:
        """Return the terms by name, in milliseconds."""
        return {name.removesuffix("_ms"): value for name, value in vars(self).items()}


def latency_terms(
    workload: Workload, constants: Calibration, clock_mhz: float, threads: int
) -> LatencyTerms:
    """Return the terms of the latency of *workload*.

    Args:
        workload: Events on one thread.
        constants: Of the core.
        clock_mhz: Of the core.
        threads: Among which cycles are divided; lines and traffic are not, as the threads share
            the path to memory.
    """
    cycles_per_ms = clock_mhz * 1e3 * threads
    l3_line_ns = constants.l3_line_ns or 0.0
    sync_us = constants.operator_sync_us if threads > 1 else 0.0
    return LatencyTerms(
        compute_ms=constants.compute_factor * workload.cycles / cycles_per_ms,
        branches_ms=constants.block_entry_cycles * workload.block_entries / cycles_per_ms,
        l2_ms=constants.l2_line_ns * workload.l2_lines * 1e-6,
        l3_ms=l3_line_ns * workload.l3_lines * 1e-6,
        dram_ms=workload.line_bytes * workload.dram_lines / constants.dram_gb_per_s * 1e-6,
        sync_ms=sync_us * workload.parallel_operators * 1e-3,
    )
