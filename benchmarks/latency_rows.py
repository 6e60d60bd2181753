"""Published rows beside the loads that their latency is predicted from.

Emulates each model once for each board and engine (minutes for the larger ones; kept in the cache).
Knows where rows and counts come from; must not fit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.published_rows import Case, PublishedRow, case_file, case_of, read_rows, row_weights
from edgeml_devices.device import Device
from edgeml_devices.emulation import ensure_sysroot
from edgeml_devices.latency.counting import measure
from edgeml_devices.latency.llvm import find_llvm
from edgeml_devices.latency.model import Load
from edgeml_devices.latency.pricing import Prices
from edgeml_devices.latency.profiler import operator_loads
from edgeml_devices.profile import load_device
from edgeml_runtime.progress import Progress, silent

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Operators:
    """The loads of a network's operators, one array a field, each of shape (operators,)."""

    cycles: Array
    block_entries: Array
    l2_lines: Array
    l3_lines: Array
    dram_bytes: Array
    parallel: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, loads: Sequence[Load]) -> "Operators":
        """Return *loads* as arrays."""
        return cls(
            cycles=np.array([load.cycles for load in loads]),
            block_entries=np.array([load.block_entries for load in loads]),
            l2_lines=np.array([load.l2_lines for load in loads]),
            l3_lines=np.array([load.l3_lines for load in loads]),
            dram_bytes=np.array([load.dram_lines * load.line_bytes for load in loads]),
            parallel=np.array([load.parallel for load in loads]),
        )


@dataclass(frozen=True, eq=False)
class Observation:
    """A published latency and what it is predicted from.

    Args:
        row: As published.
        case: What it means in edgeml.
        operators: The loads on one thread.
        weight: Repeats of one configuration weigh 1 together.
    """

    row: PublishedRow
    case: Case
    operators: Operators
    weight: float


def observations(progress: Progress = silent) -> tuple[Observation, ...]:
    """Return every usable row that can be predicted, in the order of the file."""
    return tuple(_observations(progress))


def _observations(progress: Progress) -> Iterator[Observation]:
    rows = [row for row in read_rows() if row.usable and case_of(row) is not None]
    for done, (row, weight) in enumerate(zip(rows, row_weights(rows), strict=True)):
        case = case_of(row)
        assert case is not None, "rows without a case were left out"
        progress("counting published models", done, len(rows))
        yield Observation(row, case, _operators(case.target, case.engine, case_file(row)), weight)


@cache
def _operators(target: str, engine: str, model: Path) -> Operators:
    device: Device = load_device(target)
    measurement = measure(device, ensure_sysroot(device), engine, model)
    prices = Prices(measurement.works, device.pipeline, find_llvm())
    return Operators.of(operator_loads(engine, measurement, prices))
