"""What is summed up of one pair of tensors over the samples."""

from dataclasses import dataclass

import numpy as np

from edgeml_converters.layers.axis_order import Arrangement, choose_arrangement
from edgeml_converters.layers.network import Grid
from edgeml_converters.layers.statistics import Statistics, StatisticsSums
from edgeml_converters.verify.accumulation import OutputAccumulator
from edgeml_converters.verify.parity import OutputParity

_CHUNK = 1 << 18
"""Elements that are summed at once, so that their float64 forms stay in the cache."""


@dataclass(frozen=True)
class Measured:
    """What was measured of a pair.

    Args:
        parity: The error.
        grid: What the candidate's tensor can hold, where it is quantized.
        statistics: What the values are like; None where nothing is quantized, or nothing came.
    """

    parity: OutputParity
    grid: Grid | None
    statistics: Statistics | None

    @property
    def saturation(self) -> float | None:
        """The share of values beyond the grid; None where there is none."""
        if self.grid is None:
            return None
        return 0.0 if self.statistics is None else self.statistics.below + self.statistics.above


class PairSums:
    """Takes a pair's values sample by sample.

    Args:
        name: The tensor.
        grid: What the candidate's tensor can hold, where it is quantized.
        features: What the reference's tensor was flattened from, where it was.
        statistics: What takes the values as well, where something is quantized.
    """

    def __init__(
        self,
        name: str,
        grid: Grid | None,
        features: tuple[int, ...] | None = None,
        statistics: StatisticsSums | None = None,
    ) -> None:
        self.fits = True
        self._grid = grid
        self._features = features
        self._statistics = statistics
        self._parity = OutputAccumulator(name)
        self._arrangement: Arrangement | None = None

    def add(self, reference: np.ndarray, candidate: np.ndarray) -> None:
        """Count one sample; the first decides how the candidate's axes lie."""
        if self._arrangement is None and self.fits:
            self._arrangement = choose_arrangement(reference, candidate, self._features)
            self.fits = self._arrangement is not None
        if self._arrangement is None:
            return
        aligned = self._arrangement.apply(candidate)
        expected, given = reference.reshape(-1), aligned.reshape(-1)
        for start in range(0, expected.size, _CHUNK):
            part = slice(start, start + _CHUNK)
            self._parity.add(*_without_common_infinities(expected[part], given[part]))
        if self._statistics is not None:
            self._statistics.add(reference, aligned)

    def result(self) -> Measured:
        """Return what was measured."""
        statistics = None if self._statistics is None else self._statistics.result()
        return Measured(self._parity.result(), self._grid, statistics)


def _without_common_infinities(
    reference: np.ndarray, candidate: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return both with 0 where they hold the same infinity: attention masks hold such."""
    common = np.isinf(reference) & (reference == candidate)
    if not common.any():
        return reference, candidate
    return np.where(common, 0, reference), np.where(common, 0, candidate)
