"""Sums over the values of each channel of a tensor, sample by sample."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Numbers = npt.NDArray[np.float64]

_CHUNK = 1 << 18
"""Elements that are worked on at once, so that what is computed of them stays in the cache."""


class ChannelSums:
    """Adds up what is measured of each channel.

    Where the number of channels is not the same in all samples, all are one channel.

    Args:
        axis: Of the channels; tensors without it have one channel.
        kinds: How many numbers are measured.
    """

    def __init__(self, axis: int, kinds: int) -> None:
        self.places = 0
        self._axis: int | None = axis
        self._sums = np.zeros((kinds, 0))

    def add(self, measure: Callable[..., tuple[Numbers, ...]], *tensors: Floats) -> None:
        """Count one sample.

        Args:
            measure: Gives sums for each channel of tensors of (outer, channel, inner).
            tensors: All of one shape.
        """
        if not tensors[0].size:
            return
        arranged = [by_channel(tensor, self._axis) for tensor in tensors]
        channels = arranged[0].shape[1]
        if not self.places:
            self._sums = np.zeros((len(self._sums), channels))
        elif self._sums.shape[1] != channels:
            self.places *= self._sums.shape[1]
            self._axis, channels = None, 1
            self._sums = self._sums.sum(axis=1, keepdims=True)
            arranged = [by_channel(tensor, None) for tensor in tensors]
        places = arranged[0].size // channels
        self.places += places
        step = max(1, _CHUNK // places)
        for start in range(0, channels, step):
            part = slice(start, start + step)
            self._sums[:, part] += measure(*(tensor[:, part] for tensor in arranged))

    def means(self) -> Numbers:
        """Return the means, a row for each kind."""
        return self._sums / self.places


class ChannelEnds:
    """Keeps the smallest and the largest value of each channel; see ``ChannelSums``."""

    def __init__(self, axis: int) -> None:
        self.low = self.high = np.zeros(0)
        self._axis: int | None = axis

    def add(self, tensor: Floats) -> None:
        """Count one sample."""
        if not tensor.size:
            return
        arranged = by_channel(tensor, self._axis)
        if self.low.size not in (0, arranged.shape[1]):
            self._axis = None
            self.low, self.high = self.low.min(keepdims=True), self.high.max(keepdims=True)
            arranged = by_channel(tensor, None)
        low, high = (end(axis=(0, 2)).astype(np.float64) for end in (arranged.min, arranged.max))
        self.low = np.minimum(self.low, low) if self.low.size else low
        self.high = np.maximum(self.high, high) if self.high.size else high


def by_channel(value: Floats, axis: int | None) -> Floats:
    """Return values as (outer, channel, inner); without channels as (1, 1, all)."""
    place = -1 if axis is None else axis + value.ndim * (axis < 0)
    if not 0 <= place < value.ndim:
        return value.reshape(1, 1, -1)
    outer = int(np.prod(value.shape[:place], dtype=np.int64))
    return value.reshape(outer, value.shape[place], -1)
