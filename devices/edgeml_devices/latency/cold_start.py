"""The time of a cold start, and its memory: what the counts of its stages take on a board.

Must not know how a cold start is counted, which is `edgeml_devices.latency.start_counting`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from edgeml_devices.device import Device
from edgeml_devices.latency.llvm import Llvm
from edgeml_devices.latency.model import Load, latency_terms
from edgeml_devices.latency.pricing import Prices
from edgeml_devices.latency.start_counting import StageWork, StartWork
from edgeml_runtime.progress import Progress, silent

NOT_INCLUDED = (
    "cache and branch-target misses",
    "page faults and system calls",
    "reading files from disk",
    "work of other threads",
)
"""What the board spends time on besides, and is not in the estimate."""
MEMORY_METHOD = (
    "sum of Rss over the guest's own mappings, after the load and after the first inference; "
    "pages of 4 KiB"
)

_KIB_PER_MIB = 1024


@dataclass(frozen=True)
class ColdStart:
    """The least time that a cold start takes on a board, and the memory that it takes.

    Args:
        stages_ms: By stage, in the order of `STAGES`.
        stages_instructions: The same, of the main thread.
        resident_mib: Resident memory at the end of a stage, by its name.
    """

    stages_ms: Mapping[str, float]
    stages_instructions: Mapping[str, int]
    resident_mib: Mapping[str, float]

    @property
    def total_ms(self) -> float:
        """The whole start."""
        return sum(self.stages_ms.values())

    @property
    def peak_memory_mib(self) -> float:
        """The largest resident memory that was seen."""
        return max(self.resident_mib.values())


def time_cold_start(
    device: Device, start: StartWork, llvm: Llvm, progress: Progress = silent
) -> ColdStart:
    """Return what *start* takes on *device* at its clock.

    Raises:
        MissingToolError: The store of prices cannot be read or written.
    """
    return ColdStart(
        stages_ms={s.name: _stage_ms(device, s, llvm, progress) for s in start.stages},
        stages_instructions={s.name: s.instructions for s in start.stages},
        resident_mib={name: kib / _KIB_PER_MIB for name, kib in start.resident_kib.items()},
    )


def _stage_ms(device: Device, stage: StageWork, llvm: Llvm, progress: Progress) -> float:
    kept = stage.work.instructions
    priced = Prices([stage.work], device.pipeline, llvm, progress).cycles(stage.work)
    cycles = priced * stage.instructions / kept if kept else 0.0
    load = Load(cycles, stage.work.entries, 0, 0, 0, line_bytes=0, parallel=False)
    return latency_terms(load, device.calibration, device.clock_mhz, threads=1).total_ms
