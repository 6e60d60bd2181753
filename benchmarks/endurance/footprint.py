"""What a process holds while it works: memory, threads, open files."""

import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MEMORY_LIMIT_MIB = 1.0
SAMPLES = 500
_WARM_UP = 10  # a share of the run, as its divisor
_PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 2**20


@dataclass(frozen=True)
class Footprint:
    """What a run held once it was warm.

    Args:
        turns: How many times the work was done.
        start_mib: Resident memory after the warm-up, a tenth of the run.
        end_mib: At the end.
        low_mib: The least since the warm-up.
        high_mib: The most.
        slope_kib: By how much it grew in 100,000 turns, as a line through all samples has it.
        threads: After the warm-up and at the end.
        files: Open files, likewise.
    """

    turns: int
    start_mib: float
    end_mib: float
    low_mib: float
    high_mib: float
    slope_kib: float
    threads: tuple[int, int]
    files: tuple[int, int]

    @property
    def flat(self) -> bool:
        """Whether memory stayed within the limit, and threads and files as they were."""
        moved_mib = max(self.high_mib - self.start_mib, self.start_mib - self.low_mib)
        same = self.threads[0] == self.threads[1] and self.files[0] == self.files[1]
        return moved_mib <= MEMORY_LIMIT_MIB and same


def footprint(work: Iterable[object], turns: int) -> Footprint:
    """Return what this process held while *work*, which counts its turns, was gone through."""
    every = max(1, turns // SAMPLES)
    mib = np.zeros(turns // every + 1)
    held = {}
    count = -1
    for count, _ in enumerate(work):
        if count % every == 0:
            mib[count // every] = _resident_mib()
        if count in (turns // _WARM_UP, turns - 1):
            held[count] = threading.active_count(), _open_files()
    first, *_, last = held.values()
    warm = mib[len(mib) // _WARM_UP + 1 : (count // every) + 1]
    steps = np.arange(len(warm)) * every
    return Footprint(
        turns=count + 1,
        start_mib=float(warm[0]),
        end_mib=float(warm[-1]),
        low_mib=float(warm.min()),
        high_mib=float(warm.max()),
        slope_kib=float(np.polyfit(steps, warm, 1)[0]) * 1024 * 1e5,
        threads=(first[0], last[0]),
        files=(first[1], last[1]),
    )


def _resident_mib() -> float:
    with Path("/proc/self/statm").open("rb") as stream:
        return int(stream.read().split()[1]) * _PAGE_MIB


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
