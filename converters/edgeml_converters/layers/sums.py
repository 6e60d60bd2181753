"""What is summed up of one pair of tensors over the samples."""

import numpy as np

from edgeml_converters.layers.axis_order import Arrangement, choose_arrangement
from edgeml_converters.layers.network import Grid
from edgeml_converters.verify.accumulation import OutputAccumulator
from edgeml_converters.verify.parity import OutputParity

_CHUNK = 1 << 18
"""Elements that are summed at once, so that their float64 forms stay in the cache."""


class PairSums:
    """Takes a pair's values sample by sample.

    Args:
        name: The tensor.
        grid: What the candidate's tensor can hold, where it is quantized.
        features: What the reference's tensor was flattened from, where it was.
    """

    def __init__(
        self, name: str, grid: Grid | None, features: tuple[int, ...] | None = None
    ) -> None:
        self.fits = True
        self._name = name
        self._grid = grid
        self._features = features
        self._parity = OutputAccumulator(name)
        self._arrangement: Arrangement | None = None
        self._saturated = self._count = 0

    def add(self, reference: np.ndarray, candidate: np.ndarray) -> None:
        """Count one sample; the first decides how the candidate's axes lie."""
        if self._arrangement is None and self.fits:
            self._arrangement = choose_arrangement(reference, candidate, self._features)
            self.fits = self._arrangement is not None
        if self._arrangement is None:
            return
        expected = reference.reshape(-1)
        given = self._arrangement.apply(candidate).reshape(-1)
        for start in range(0, expected.size, _CHUNK):
            part = slice(start, start + _CHUNK)
            self._add(expected[part], given[part])

    def _add(self, expected: np.ndarray, given: np.ndarray) -> None:
        self._parity.add(*_without_common_infinities(expected, given))
        self._count += expected.size
        if self._grid is not None:
            low, high = self._grid.ends
            half = self._grid.scale / 2
            beyond = (expected < low - half) | (expected > high + half)
            self._saturated += int(beyond.sum())

    def result(self) -> tuple[OutputParity, float | None]:
        """Return the error, and the share of saturated values (None when not quantized)."""
        share = None if self._grid is None else self._saturated / max(self._count, 1)
        return self._parity.result(), share


def _without_common_infinities(
    reference: np.ndarray, candidate: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return both with 0 where they hold the same infinity: attention masks hold such."""
    common = np.isinf(reference) & (reference == candidate)
    if not common.any():
        return reference, candidate
    return np.where(common, 0, reference), np.where(common, 0, candidate)
