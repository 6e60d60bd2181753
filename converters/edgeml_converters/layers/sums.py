"""What is summed up of one pair of tensors over the samples."""

import numpy as np

from edgeml_converters.layers.axis_order import Arrangement, choose_arrangement
from edgeml_converters.layers.network import Grid
from edgeml_converters.verify.accumulation import OutputAccumulator
from edgeml_converters.verify.parity import OutputParity


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
        arranged = self._arrangement.apply(candidate)
        expected, given = _without_common_infinities(reference, arranged)
        self._parity.add(expected, given)
        self._count += reference.size
        if self._grid is not None:
            low, high = self._grid.ends
            half = self._grid.scale / 2
            beyond = (reference < low - half) | (reference > high + half)
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
