"""How the values of tensors are spread: counts in bins whose width is a power of two.

A bin is ``floor(value / width)``. Where a value lies beyond the bins, the width doubles and
neighbouring bins are added up, which gives what the wider bins would have counted from the start.
The counts therefore depend neither on the order of the samples nor on how often it was resumed.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

HALF_BINS = 2048
"""Bins on either side of zero. Between 4 and 8 of them make one step of an int8 grid that holds all
values of one sign; finer bins change no range by a step."""
_FINEST_EXPONENT = -126

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Histogram:
    """How the values of one tensor are spread.

    Args:
        counts: (2 * HALF_BINS,); entry i counts the values from ``(i - HALF_BINS) * width`` on.
        width: The width of a bin, a power of two.
        zeros: How many values are exactly zero; a grid holds these without an error.
    """

    counts: Counts
    width: float
    zeros: int

    @property
    def edges(self) -> npt.NDArray[np.float64]:
        """The borders of the bins, one more than there are bins."""
        return np.arange(-HALF_BINS, HALF_BINS + 1, dtype=np.float64) * np.float64(self.width)


class HistogramCounter:
    """Counts the values of one tensor as they come."""

    def __init__(self) -> None:
        self._counts: Counts = np.zeros(2 * HALF_BINS, np.int64)
        self._exponent = _FINEST_EXPONENT
        self._zeros = 0

    def add(self, values: npt.NDArray[np.floating[Any]]) -> None:
        """Count *values*, an array of finite numbers of any shape."""
        flat = values.reshape(-1)
        if not flat.size:
            return
        self._widen(max(float(flat.max()), -float(flat.min())))
        # In float32 a tiny negative number would become a zero of the other bin.
        scaled = flat.astype(np.float64) * 2.0**-self._exponent
        bins = np.floor(scaled).astype(np.int64) + HALF_BINS
        self._counts += np.bincount(bins, minlength=2 * HALF_BINS)
        self._zeros += flat.size - int(np.count_nonzero(flat))

    @property
    def counts(self) -> Counts:
        """(2 * HALF_BINS,), not to be written to; see ``Histogram``."""
        return self._counts

    def histogram(self) -> Histogram:
        """Return what was counted."""
        return Histogram(self._counts.copy(), 2.0**self._exponent, self._zeros)

    def state(self) -> Counts:
        """Return everything counted as one array, for :meth:`restore`."""
        return np.concatenate([self._counts, [self._exponent, self._zeros]])

    def restore(self, state: Counts) -> None:
        """Continue from what :meth:`state` returned."""
        self._counts = state[: 2 * HALF_BINS].copy()
        self._exponent, self._zeros = int(state[-2]), int(state[-1])

    def _widen(self, peak: float) -> None:
        """Double the width of the bins until *peak*, of either sign, lies within them."""
        needed = math.frexp(peak)[1] - math.frexp(HALF_BINS)[1] + 1 if peak else self._exponent
        if needed <= self._exponent:
            return
        if self._counts.any():
            for _ in range(min(needed - self._exponent, 2 * HALF_BINS)):
                pairs = self._counts.reshape(HALF_BINS, 2).sum(axis=1)
                self._counts = np.zeros_like(self._counts)
                self._counts[HALF_BINS // 2 : HALF_BINS // 2 + HALF_BINS] = pairs
        self._exponent = needed
