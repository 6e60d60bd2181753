"""How far samples and answers are from those at conversion: the manifest's ``statistics``.

The host measures with the same functions, so that both speak of the same figures.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import Optional

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.manifest import Manifest

SCHEMA = "edgeml.statistics/1"
BINS = 16  # of the histogram of values

_WINDOW, _LEAST = 256, 30  # samples that are remembered; the fewest that say anything
_VALUES, _CHANNELS = 4096, 64  # of one sample, at most
_SHIFT, _INDEX, _SIGMAS = 0.5, 0.1, 4.0  # drift begins there, beyond so many standard errors
_REMEDY = "Make the bundle again with 'edgeml convert'."


class Drift:
    """Watches the last 256 samples and answers; of a bundle without ``statistics``, nothing."""

    def __init__(self, manifest: Manifest) -> None:
        self._labels = {label: index for index, label in enumerate(manifest.labels)}
        self._input: Optional[_Window] = None
        self._prediction: Optional[_Window] = None
        if manifest.statistics is not None:
            fields = Fields(manifest.statistics, "statistics", _REMEDY)
            fields.choice("schema", (SCHEMA,))
            self._input = _window(fields, "input", "range")
            self._prediction = _window(fields, "prediction", "bounds")

    @staticmethod
    def answers(result: object) -> "list[tuple[str, float]]":
        """Return label and score of what has a label in a result: itself, or entries of tuples."""
        parts = [(result,), *(value for value in vars(result).values() if isinstance(value, tuple))]
        found = [item for part in parts for item in part if hasattr(item, "label")]
        return [(str(item.label), float(getattr(item, "score", 0.0))) for item in found]

    def observe(self, sample: np.ndarray, answers: "Sequence[tuple[str, float]]") -> None:
        """Add a sample, as it was before preprocessing, and its answers."""
        if self._input is not None and isinstance(sample, np.ndarray):
            self._input.add(*measure(sample, *self._input.places[:2]))
        if self._prediction is not None:
            for label, score in answers:
                index = self._labels.get(label, int(label) if label.isdecimal() else 0)
                group = bisect_left(self._prediction.places, index)
                groups = np.arange(len(self._prediction.places)) == group
                self._prediction.add(np.array([score]), groups)

    def figures(self) -> "list[tuple[str, float, float]]":
        """Return ``(signal, value, limit)`` of what there are 30 samples for.

        ``input_mean`` and ``score``: by how many standard deviations of samples the mean moved, of
        the channel that moved most. ``input_histogram`` and ``prediction``: the population
        stability index, the sum of ``(p - q) ln(p / q)`` over shares now and then. The limit is
        0.5 deviations, or an index of 0.1, and four standard errors of what chance does.
        """
        named = ((self._input, "mean", "histogram"), (self._prediction, "score", "prediction"))
        found = []
        for window, shift, stability in named:
            if window is not None and window.filled >= _LEAST:
                prefix = "input_" if window is self._input else ""
                found.append((prefix + shift, *window.shift()))
                found.append((prefix + stability, *window.stability()))
        return found


class _Window:
    """Means and shares of the last samples, beside those at conversion."""

    def __init__(self, fields: Fields, places: str, samples: int) -> None:
        self.places = fields.numbers(places)
        self.filled = self._next = 0
        self._samples = samples
        self._mean, self._spread, self._shares = (
            np.array(fields.numbers(key)) for key in ("mean", "spread", "shares")
        )
        widths = (len(self._mean), len(self._shares))
        count = len(self.places)
        if (count, *widths) != (
            (2, len(self._spread), BINS) if places == "range" else (count, 1, count)
        ):
            raise fields.fault("its lists differ in length")
        self._means, self._rows = (np.zeros((_WINDOW, width), np.float32) for width in widths)

    def add(self, means: np.ndarray, shares: np.ndarray) -> None:
        if means.shape == self._mean.shape:
            self._means[self._next], self._rows[self._next] = means, shares
            self._next = (self._next + 1) % _WINDOW
            self.filled = min(self.filled + 1, _WINDOW)

    def shift(self) -> "tuple[float, float]":
        now = self._means[: self.filled].mean(axis=0, dtype=np.float64)
        moved = np.abs(now - self._mean) / np.maximum(self._spread, 1e-6)
        return float(moved.max()), _SHIFT + _SIGMAS * math.sqrt(self._chance())

    def stability(self) -> "tuple[float, float]":
        """Chance makes it chi-squared times ``_chance`` (Yurdakul, 2018)."""
        now = _smooth(self._rows[: self.filled].mean(axis=0, dtype=np.float64), self.filled)
        then = _smooth(self._shares, self._samples)
        freedom = len(then) - 1
        chance = self._chance() * (freedom + _SIGMAS * math.sqrt(2 * freedom))
        return float(((now - then) * np.log(now / then)).sum()), _INDEX + chance

    def _chance(self) -> float:
        return 1 / self.filled + 1 / self._samples


def _window(fields: Fields, key: str, places: str) -> Optional[_Window]:
    if not fields.has(key):
        return None
    inner = Fields(fields.table(key), f"statistics, {key}", _REMEDY)
    return _Window(inner, places, fields.whole("samples", 1))


def channels(sample: np.ndarray) -> np.ndarray:
    """Return up to some 4,096 values of *sample* as (values, channels).

    Channels are the last axis of an image and the values of a short vector; all else is one.
    """
    if sample.ndim == 3 and sample.shape[-1] <= 4:
        step = max(1, math.isqrt(sample.shape[0] * sample.shape[1] // _VALUES))
        return sample[::step, ::step].reshape(-1, sample.shape[-1])
    if sample.ndim and sample.size == sample.shape[-1] <= _CHANNELS:
        return sample.reshape(1, -1)
    return sample.reshape(-1, 1)[:: max(1, sample.size // _VALUES)]


def measure(sample: np.ndarray, low: float, high: float) -> "tuple[np.ndarray, np.ndarray]":
    """Return the mean of each channel, and the shares of values in bins from *low* to *high*."""
    values = np.nan_to_num(channels(sample).astype(np.float32))
    bins = (values.ravel() - low) * (BINS / max(high - low, 1e-9))
    counts = np.bincount(np.clip(bins, 0, BINS - 1).astype(np.intp), minlength=BINS)
    return values.mean(axis=0), counts / max(values.size, 1)


def _smooth(shares: np.ndarray, samples: int) -> np.ndarray:
    """Return *shares* with half a sample added to each, so that none is 0."""
    counts = shares * samples + 0.5
    smooth: np.ndarray = counts / counts.sum()
    return smooth
