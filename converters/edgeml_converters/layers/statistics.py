"""What one tensor's values are like, channel by channel, and what its integers make of them.

Memory does not grow with the number of samples.
"""

import math
from dataclasses import dataclass

import numpy as np

from edgeml_converters.layers.channels import ChannelEnds, ChannelSums, Floats, Numbers
from edgeml_converters.layers.histogram import Histogram
from edgeml_converters.layers.network import Grid

_SQUARABLE = 1e15
"""Squares of larger values are summed in float64; masks of attention reach the end of float32."""


@dataclass(frozen=True, eq=False)
class Values:
    """The values of one tensor over all samples; arrays hold one number for each channel.

    Args:
        low: The smallest value.
        high: The largest value.
        power: The mean square.
        rounding: The mean square error of nothing but rounding to the candidate's grid; 0 where
            it has none.
        clipped: The part of ``rounding`` that comes from values beyond the ends, over all channels.
        below: The share of values below the grid's range.
        above: The share of values above it.
        histogram: The distribution of the values.
    """

    low: Numbers
    high: Numbers
    power: Numbers
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
    def mean_power(self) -> float:
        """The mean square over all channels, never 0."""
        return float(self.power.mean()) or math.inf


@dataclass(frozen=True, eq=False)
class Errors:
    """How far one tensor is from another over all samples, one number for each channel.

    Args:
        places: How many values a channel has.
        shift: The mean error.
        power: The mean square error.
    """

    places: int
    shift: Numbers
    power: Numbers

    @property
    def shift_share(self) -> float:
        """The share of the error's power that is one and the same in all of a channel."""
        error = float(self.power.sum())
        return min(1.0, float(np.square(self.shift).sum()) / error) if error else 0.0


class ValueSums:
    """Takes a tensor's values sample by sample.

    Args:
        axis: Of the channels; tensors without it have one channel.
        grid: What the candidate can hold, where it is quantized.
    """

    def __init__(self, axis: int, grid: Grid | None) -> None:
        self._sums = ChannelSums(axis, 2)  # power, rounding
        self._ends = ChannelEnds(axis)
        self._grid = grid
        self._histogram = Histogram()
        self._clipped = 0.0
        self._beyond = [0, 0]

    def add(self, values: Floats) -> None:
        """Count one sample; what is not finite counts as 0."""
        values = _finite(values)
        self._ends.add(values)
        self._sums.add(self._measure, values)

    def _measure(self, values: Floats) -> tuple[Numbers, ...]:
        self._histogram.add(values)
        power = _squares(values)
        if self._grid is None:
            return power, np.zeros_like(power)
        return power, self._round(values, self._grid)

    def _round(self, values: Floats, grid: Grid) -> Numbers:
        low, high = grid.ends
        held = np.clip(values, low, high)
        if float(values.min()) < low or float(values.max()) > high:
            self._clipped += float(_squares(values - held).sum())
            half = grid.scale / 2
            self._beyond[0] += int(np.count_nonzero(values < low - half))
            self._beyond[1] += int(np.count_nonzero(values > high + half))
        scale = values.dtype.type(grid.scale)
        return _squares(np.rint(held / scale) * scale - values)

    def result(self) -> Values | None:
        """Return what was counted; None when there were no values."""
        if not self._sums.places:
            return None
        power, rounding = self._sums.means()
        total = self._histogram.total
        return Values(
            low=self._ends.low,
            high=self._ends.high,
            power=power,
            rounding=rounding,
            clipped=self._clipped / total,
            below=self._beyond[0] / total,
            above=self._beyond[1] / total,
            histogram=self._histogram,
        )


class ErrorSums:
    """Takes pairs of tensors sample by sample.

    Args:
        axis: Of the channels.
    """

    def __init__(self, axis: int) -> None:
        self._sums = ChannelSums(axis, 2)  # shift, power

    def add(self, reference: Floats, candidate: Floats) -> None:
        """Count one sample, both of one shape; what is not finite counts as 0."""
        self._sums.add(_differences, _finite(reference), _finite(candidate))

    def result(self) -> Errors | None:
        """Return what was counted; None when there were no values."""
        if not self._sums.places:
            return None
        shift, power = self._sums.means()
        return Errors(self._sums.places, shift, power)


def _differences(reference: Floats, candidate: Floats) -> tuple[Numbers, ...]:
    error = candidate - reference
    return error.sum(axis=(0, 2), dtype=np.float64), _squares(error)


def _finite(value: Floats) -> Floats:
    """Return the values with 0 for what is not finite, as float64 where their squares need it."""
    if value.dtype == np.float16:
        value = value.astype(np.float32)
    finite = np.isfinite(value)
    if not finite.all():
        value = np.where(finite, value, value.dtype.type(0))
    large = value.size and float(np.abs(value).max()) > _SQUARABLE
    return value.astype(np.float64) if large else value


def _squares(value: Floats) -> Numbers:
    """Return the sum of squares of each channel of (outer, channel, inner)."""
    if value.shape[2] == 1:
        flat = value[:, :, 0]
        return np.asarray(np.einsum("oc,oc->c", flat, flat), np.float64)
    return np.asarray(np.einsum("oci,oci->c", value, value), np.float64)
