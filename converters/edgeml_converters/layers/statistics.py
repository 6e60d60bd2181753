"""What one tensor's values are like, channel by channel, and what its integers make of them.

Memory does not grow with the number of samples.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeml_converters.layers.histogram import Histogram
from edgeml_converters.layers.network import Grid

Floats = npt.NDArray[np.floating]
Numbers = npt.NDArray[np.float64]

_CHUNK = 1 << 18
"""Elements that are worked on at once, so that what is computed of them stays in the cache."""
_SQUARABLE = 1e15
"""Squares of larger values are summed in float64; masks of attention reach the end of float32."""


@dataclass(frozen=True, eq=False)
class Statistics:
    """The values of one tensor over all samples; arrays hold one number for each channel.

    Args:
        places: How many values a channel has.
        low: The smallest value.
        high: The largest value.
        power: The mean square.
        shift: The mean error of the candidate.
        error: The mean square error of the candidate.
        rounding: The mean square error of nothing but rounding the reference to the candidate's
            grid; 0 where it has none.
        clipped: The part of ``rounding`` that comes from values beyond the ends, over all channels.
        below: The share of values below the grid's range.
        above: The share of values above it.
        histogram: The distribution of the reference's values.
    """

    places: int
    low: Numbers
    high: Numbers
    power: Numbers
    shift: Numbers
    error: Numbers
    rounding: Numbers
    clipped: float
    below: float
    above: float
    histogram: Histogram

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and the largest value of all."""
        return float(self.low.min()), float(self.high.max())

    @property
    def magnitudes(self) -> Numbers:
        """The largest magnitude of each channel."""
        return np.maximum(np.abs(self.low), np.abs(self.high))

    @property
    def shift_share(self) -> float:
        """The share of the error's power that is one and the same in all of a channel."""
        error = float(self.error.sum())
        return min(1.0, float(np.square(self.shift).sum()) / error) if error else 0.0


class StatisticsSums:
    """Takes a tensor's values sample by sample.

    Args:
        axis: Of the channels; tensors without it have one channel.
        grid: What the candidate can hold, where it is quantized.
    """

    def __init__(self, axis: int, grid: Grid | None) -> None:
        self._axis = axis
        self._grid = grid
        self._histogram = Histogram()
        self._sums: npt.NDArray[np.float64] | None = None  # power, shift, error, rounding
        self._ends: npt.NDArray[np.float64] | None = None  # low, high
        self._count = 0
        self._clipped = 0.0
        self._beyond = [0, 0]

    def add(self, reference: Floats, candidate: Floats) -> None:
        """Count one sample, both in the shape of the reference; what is not finite counts as 0."""
        expected, given = (_finite(value) for value in (reference, candidate))
        if not expected.size:
            return
        expected, given = (self._by_channel(value) for value in (expected, given))
        channels = expected.shape[1]
        if self._sums is not None and self._sums.shape[1] != channels:
            self._axis, channels = reference.ndim, 1  # a free axis: no channels after all
            self._sums = self._sums.sum(axis=1, keepdims=True)
            self._ends = _joined_ends(self._ends)
            expected, given = (value.reshape(1, 1, -1) for value in (expected, given))
        if self._sums is None or self._ends is None:
            self._sums = np.zeros((4, channels))
            self._ends = np.stack([np.full(channels, np.inf), np.full(channels, -np.inf)])
        self._count += expected.shape[0] * expected.shape[2]
        step = max(1, _CHUNK // max(1, expected.shape[0] * expected.shape[2]))
        for start in range(0, channels, step):
            part = slice(start, start + step)
            self._add(part, expected[:, part], given[:, part])

    def _by_channel(self, value: Floats) -> Floats:
        """Return the values as (outer, channel, inner); without channels as (1, 1, all)."""
        axis = self._axis + value.ndim if self._axis < 0 else self._axis
        if not 0 <= axis < value.ndim:
            return value.reshape(1, 1, -1)
        outer = int(np.prod(value.shape[:axis], dtype=np.int64))
        return value.reshape(outer, value.shape[axis], -1)

    def _add(self, part: slice, expected: Floats, given: Floats) -> None:
        assert self._sums is not None
        assert self._ends is not None
        low, high = expected.min(axis=(0, 2)), expected.max(axis=(0, 2))
        self._ends[0, part] = np.minimum(self._ends[0, part], low)
        self._ends[1, part] = np.maximum(self._ends[1, part], high)
        self._histogram.add(expected)
        peak = max(abs(float(low.min())), abs(float(high.max())), float(np.abs(given).max()))
        if peak > _SQUARABLE:
            expected, given = expected.astype(np.float64), given.astype(np.float64)
        error = given - expected
        self._sums[0, part] += _squares(expected)
        self._sums[1, part] += error.sum(axis=(0, 2), dtype=np.float64)
        self._sums[2, part] += _squares(error)
        if self._grid is not None:
            self._sums[3, part] += self._round(expected, self._grid)

    def _round(self, expected: Floats, grid: Grid) -> Numbers:
        low, high = grid.ends
        held = np.clip(expected, low, high)
        if float(expected.min()) < low or float(expected.max()) > high:
            self._clipped += float(_squares(expected - held).sum())
            half = grid.scale / 2
            self._beyond[0] += int(np.count_nonzero(expected < low - half))
            self._beyond[1] += int(np.count_nonzero(expected > high + half))
        scale = expected.dtype.type(grid.scale)
        return _squares(np.rint(held / scale) * scale - expected)

    def result(self) -> Statistics | None:
        """Return what was counted; None when there were no values."""
        if self._sums is None or self._ends is None:
            return None
        power, shift, error, rounding = self._sums / self._count
        values = self._count * len(power)
        return Statistics(
            places=self._count,
            low=self._ends[0],
            high=self._ends[1],
            power=power,
            shift=shift,
            error=error,
            rounding=rounding,
            clipped=self._clipped / values,
            below=self._beyond[0] / values,
            above=self._beyond[1] / values,
            histogram=self._histogram,
        )


def _finite(value: Floats) -> Floats:
    if value.dtype == np.float16:
        value = value.astype(np.float32)
    finite = np.isfinite(value)
    return value if finite.all() else np.where(finite, value, value.dtype.type(0))


def _squares(value: Floats) -> Numbers:
    """Return the sum of squares of each channel of (outer, channel, inner)."""
    flat = value.shape[2] == 1
    sums = np.einsum("oc,oc->c", value[:, :, 0], value[:, :, 0]) if flat else None
    found = np.einsum("oci,oci->c", value, value) if sums is None else sums
    return np.asarray(found, np.float64)


def _joined_ends(ends: npt.NDArray[np.float64] | None) -> npt.NDArray[np.float64] | None:
    return None if ends is None else np.array([[ends[0].min()], [ends[1].max()]])
