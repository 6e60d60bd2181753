"""What is summed up of one pair of tensors over the samples."""

import math
from dataclasses import dataclass

import numpy as np

from edgeml_converters.layers.axis_order import Arrangement, choose_arrangement
from edgeml_converters.layers.network import Grid
from edgeml_converters.layers.statistics import Errors, ErrorSums, Values, ValueSums
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
        values: What the reference's values are like; None where nothing is quantized, or nothing
            came.
        alone: The error of the candidate's layer when it is fed with the reference's values; None
            as above, or where it could not be run alone.
    """

    parity: OutputParity
    grid: Grid | None
    values: Values | None
    alone: Errors | None

    @property
    def saturation(self) -> float | None:
        """The share of values beyond the grid; None where there is none."""
        if self.grid is None:
            return None
        return 0.0 if self.values is None else self.values.below + self.values.above

    @property
    def own_error(self) -> float | None:
        """The error of the layer alone, as a share of the root mean square of the values."""
        if self.values is None or self.alone is None:
            return None
        return math.sqrt(float(self.alone.power.mean()) / self.values.mean_power)


class PairSums:
    """Takes a pair's values sample by sample.

    Args:
        name: The tensor.
        grid: What the candidate's tensor can hold, where it is quantized.
        features: What the reference's tensor was flattened from, where it was.
        axis: Of the channels of the reference's, where something is quantized.
    """

    def __init__(
        self,
        name: str,
        grid: Grid | None,
        features: tuple[int, ...] | None = None,
        axis: int | None = None,
    ) -> None:
        self.fits = True
        self._grid = grid
        self._features = features
        self._values = None if axis is None else ValueSums(axis, grid)
        self._alone = None if axis is None else ErrorSums(axis)
        self._parity = OutputAccumulator(name)
        self._arrangement: Arrangement | None = None
        self._shape: tuple[int, ...] = ()

    def add(self, reference: np.ndarray, candidate: np.ndarray) -> None:
        """Count one sample; the first decides how the candidate's axes lie."""
        if self._arrangement is None and self.fits:
            # What the integers cut off says nothing about the axes, and may outweigh all else.
            held = reference if self._grid is None else np.clip(reference, *self._grid.ends)
            self._arrangement = choose_arrangement(held, candidate, self._features)
            self.fits = self._arrangement is not None
        if self._arrangement is None:
            return
        self._shape = candidate.shape
        expected = reference.reshape(-1)
        given = self._arrangement.apply(candidate).reshape(-1)
        for start in range(0, expected.size, _CHUNK):
            part = slice(start, start + _CHUNK)
            self._parity.add(*_without_common_infinities(expected[part], given[part]))
        if self._values is not None:
            self._values.add(reference)

    def arranged(self, reference: np.ndarray) -> np.ndarray:
        """Return a reference's values of the last sample in the layout of the candidate."""
        assert self._arrangement is not None, "only what fits is arranged"
        return self._arrangement.undo(reference, self._shape)

    def add_alone(self, reference: np.ndarray, candidate: np.ndarray) -> None:
        """Count one sample of the layer fed with the reference's values."""
        if self._arrangement is not None and self._alone is not None:
            self._alone.add(reference, self._arrangement.apply(candidate))

    def result(self) -> Measured:
        """Return what was measured."""
        return Measured(
            parity=self._parity.result(),
            grid=self._grid,
            values=None if self._values is None else self._values.result(),
            alone=None if self._alone is None else self._alone.result(),
        )


def _without_common_infinities(
    reference: np.ndarray, candidate: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return both with 0 where they hold the same infinity: attention masks hold such."""
    common = np.isinf(reference) & (reference == candidate)
    if not common.any():
        return reference, candidate
    return np.where(common, 0, reference), np.where(common, 0, candidate)
