"""The distribution of a tensor's values, taken in one pass without knowing their range before.

The bins are as wide as a power of two and start at 0. When a value does not fit, pairs of bins
become one, so the counts are what one pass with the final width would have given.
"""

import numpy as np
import numpy.typing as npt

HALF = 2048
"""Bins on each side of 0; at least half of them are in use on one of the sides."""
_FIRST_WIDTH_LOG2 = -64


class Histogram:
    """Takes values part by part."""

    def __init__(self) -> None:
        self._width_log2 = _FIRST_WIDTH_LOG2
        self._counts = np.zeros(2 * HALF, np.int64)
        self.low, self.high = np.inf, -np.inf

    @property
    def total(self) -> int:
        """How many values were taken."""
        return int(self._counts.sum())

    def add(self, values: npt.NDArray[np.floating]) -> None:
        """Count finite values of any shape."""
        if not values.size:
            return
        low, high = float(values.min()), float(values.max())
        self.low, self.high = min(self.low, low), max(self.high, high)
        self._widen(max(abs(low), abs(high)))
        places = np.floor(np.ldexp(values, -self._width_log2)).astype(np.int64)
        places += HALF
        self._counts += np.bincount(places.reshape(-1), minlength=2 * HALF)

    def _widen(self, peak: float) -> None:
        wanted = int(np.frexp(peak)[1]) - (HALF.bit_length() - 1) if peak else self._width_log2
        for _ in range(wanted - self._width_log2):
            pairs = self._counts.reshape(-1, 2).sum(axis=1)
            self._counts = np.zeros_like(self._counts)
            self._counts[HALF // 2 : HALF // 2 + HALF] = pairs
            self._width_log2 += 1

    def _edges(self) -> npt.NDArray[np.float64]:
        """Return the edges of the bins, none outside the values."""
        edges = np.ldexp(np.arange(-HALF, HALF + 1, dtype=np.float64), self._width_log2)
        return np.clip(edges, self.low, self.high)

    def quantile(self, share: float) -> float:
        """Return the value below which *share* of the values lie, to a thousandth of the peak."""
        below = np.concatenate([[0], np.cumsum(self._counts)])
        place = int(np.searchsorted(below, share * below[-1], side="left"))
        return float(self._edges()[place])

    def shares(self, low: float, high: float, bars: int) -> tuple[float, ...]:
        """Return the share of the values in each of *bars* equal parts of a range."""
        below = np.concatenate([[0], np.cumsum(self._counts)]) / max(self.total, 1)
        edges = np.linspace(low, high, bars + 1)
        if self.low >= self.high:
            found = np.where(edges > self.high, 1.0, 0.0)
            found[-1] = float(low <= self.high <= high)
            return tuple(float(share) for share in np.diff(found))
        marks = self._edges()
        # Bins outside the values have no width; what counts is where the values start and end.
        first = int(np.searchsorted(marks, self.low, side="right")) - 1
        last = int(np.searchsorted(marks, self.high, side="left"))
        found = np.interp(edges, marks[first : last + 1], below[first : last + 1])
        found[edges < self.low], found[edges >= self.high] = 0.0, 1.0
        return tuple(float(share) for share in np.diff(found))

    def widest_gap(self) -> tuple[float, float]:
        """Return the ends of the widest stretch between two values that holds none."""
        used = np.flatnonzero(self._counts)
        if used.size < 2:
            return (0.0, 0.0)
        at = int(np.argmax(np.diff(used)))
        if used[at + 1] - used[at] < 2:
            return (0.0, 0.0)
        edges = self._edges()
        return (float(edges[used[at] + 1]), float(edges[used[at + 1]]))

    def share_below(self, value: float) -> float:
        """Return the share of the values below *value*, to the width of a bin."""
        return sum(self.shares(self.low, value, 1)) if value > self.low else 0.0
