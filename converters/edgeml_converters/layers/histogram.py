"""The distribution of a tensor's values, taken in one pass without knowing their range before.

The counts are those of ``edgeml_converters.histogram``; here they are asked about.
"""

import numpy as np
import numpy.typing as npt

from edgeml_converters.histogram import HistogramCounter


class Histogram:
    """Takes values part by part."""

    def __init__(self) -> None:
        self._counter = HistogramCounter()
        self.low, self.high = np.inf, -np.inf

    @property
    def total(self) -> int:
        """How many values were taken."""
        return int(self._counter.counts.sum())

    def add(self, values: npt.NDArray[np.floating]) -> None:
        """Count finite values of any shape."""
        if not values.size:
            return
        self.low = min(self.low, float(values.min()))
        self.high = max(self.high, float(values.max()))
        self._counter.add(values)

    def _edges(self) -> npt.NDArray[np.float64]:
        """Return the edges of the bins, none outside the values."""
        return np.clip(self._counter.histogram().edges, self.low, self.high)

    def quantile(self, share: float) -> float:
        """Return the value below which *share* of the values lie, to a thousandth of the peak."""
        below = np.concatenate([[0], np.cumsum(self._counter.counts)])
        place = int(np.searchsorted(below, share * below[-1], side="left"))
        return float(self._edges()[place])

    def shares(self, low: float, high: float, bars: int) -> tuple[float, ...]:
        """Return the share of the values in each of *bars* equal parts of a range."""
        below = np.concatenate([[0], np.cumsum(self._counter.counts)]) / max(self.total, 1)
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
        used = np.flatnonzero(self._counter.counts)
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
