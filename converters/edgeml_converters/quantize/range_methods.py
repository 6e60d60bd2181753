"""How the range of an activation is chosen from what calibration saw of it.

A method may give up rare large values so that all others get finer steps. Adding one is a function
and a line in ``METHODS``.
"""

import math
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from edgeml_converters.histogram import HALF_BINS, Histogram
from edgeml_runtime.errors import InputError

Bounds = tuple[float, float]
"""The smallest and the largest value."""
RangeMethod = Callable[[Bounds, Histogram], Bounds]

LEVELS: Final = 256
DEFAULT_PERCENTILE: Final = 99.99
_CANDIDATES: Final = 128
_Floats = npt.NDArray[np.float64]


def range_method(name: str) -> RangeMethod | None:
    """Return the method called *name*; None for ``minmax``, which needs no histogram.

    Args:
        name: A key of ``METHODS``, ``minmax``, or ``percentile:P`` with P from 90 to 100.

    Raises:
        InputError: There is no such method.
    """
    if name == "minmax":
        return None
    word, colon, number = name.partition(":")
    if word in METHODS and not colon:
        return METHODS[word]
    if word == "percentile":
        return _percentile_of(_percentage(name, number))
    raise InputError(
        f"There is no calibration method {name!r}.",
        f"Choose from minmax, {', '.join(METHODS)}, percentile:99.9.",
    )


def _percentage(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 90.0 <= value <= 100.0:
        raise InputError(
            f"The calibration method {name!r} has no percentage from 90 to 100.",
            "Give one, such as percentile:99.9.",
        )
    return value


def _percentile_of(percentage: float) -> RangeMethod:
    def choose(bounds: Bounds, histogram: Histogram) -> Bounds:
        """Leave out the same share of the values at either end."""
        total = int(histogram.counts.sum())
        allowed = total * (1.0 - percentage / 100.0)
        below = np.concatenate([[0], np.cumsum(histogram.counts)])
        low = histogram.edges[int(np.searchsorted(below, allowed, side="right")) - 1]
        high = histogram.edges[int(np.searchsorted(below, total - allowed, side="left"))]
        return _within(bounds, (float(low), float(high)))

    return choose


def _mse(bounds: Bounds, histogram: Histogram) -> Bounds:
    """Choose the range of the least mean squared error: of rounding inside it, of clipping beyond.

    Rounding has the error ``step**2 / 12`` for every value but zeros (Banner et al., "Post training
    4-bit quantization of convolutional networks for rapid-deployment", 2019, of which this is the
    form for any distribution).
    """
    lows, highs = _candidates(bounds)
    below = _clipping_errors(-histogram.edges[::-1], histogram.counts[::-1], -lows)
    above = _clipping_errors(histogram.edges, histogram.counts, highs)
    steps = (highs[None, :] - lows[:, None]) / (LEVELS - 1)
    rounded = int(histogram.counts.sum()) - histogram.zeros
    errors = below[:, None] + above[None, :] + rounded * steps**2 / 12
    low, high = np.unravel_index(int(errors.argmin()), errors.shape)
    return float(lows[low]), float(highs[high])


def _clipping_errors(edges: _Floats, counts: npt.NDArray[np.int64], limits: _Floats) -> _Floats:
    """Return the sum of the squared distances of all values above each of *limits* from it."""
    centres = (edges[:-1] + edges[1:]) / 2
    beyond = np.maximum(centres[None, :] - limits[:, None], 0.0)
    return np.asarray((counts * beyond**2).sum(axis=1))


def _entropy(bounds: Bounds, histogram: Histogram) -> Bounds:
    """Choose the range whose integers are spread most like the values.

    That is the least Kullback-Leibler divergence between the histogram, clipped, and its form in
    256 levels (Migacz, "8-bit inference with TensorRT", 2017).
    """
    low, high = min(bounds[0], 0.0), max(bounds[1], 0.0)
    if low == high:
        return bounds
    peak = max(-low, high)
    # With fewer bins than levels, every bin would be a level of its own and nothing would be lost.
    least = LEVELS * histogram.width / (high - low)
    shares = np.linspace(1.0, min(least, 1.0), _CANDIDATES).tolist()
    ranges = [(max(low, -peak * share), min(high, peak * share)) for share in shares]
    divergences = [_divergence(histogram, *candidate) for candidate in ranges]
    return ranges[int(np.argmin(divergences))]


def _divergence(histogram: Histogram, low: float, high: float) -> float:
    # Not every value was counted: the largest may lie beyond the bins.
    first = HALF_BINS - int(min(np.ceil(-low / histogram.width), HALF_BINS))
    last = HALF_BINS + int(min(max(np.ceil(high / histogram.width), 1), HALF_BINS))
    counts = histogram.counts[first:last].astype(np.float64)
    counts[HALF_BINS - first] -= histogram.zeros  # which every range holds exactly
    inside = counts.copy()
    counts[0] += histogram.counts[:first].sum()
    counts[-1] += histogram.counts[last:].sum()
    levels = np.minimum(np.arange(len(counts)) * LEVELS // len(counts), LEVELS - 1)
    filled = inside > 0
    sums = np.bincount(levels, inside, LEVELS)
    users = np.bincount(levels, filled, LEVELS)
    spread = np.where(filled, (sums / np.maximum(users, 1))[levels], 0.0)
    wanted, found = counts / max(counts.sum(), 1.0), spread / max(spread.sum(), 1.0)
    known = wanted > 0
    # A level that holds clipped values only has no share of its own: the smallest stands for it.
    return float((wanted[known] * np.log(wanted[known] / np.maximum(found[known], 1e-12))).sum())


def _candidates(bounds: Bounds) -> tuple[_Floats, _Floats]:
    """Return lower and upper limits to try, the whole range first."""
    shares = np.linspace(1.0, 1.0 / _CANDIDATES, _CANDIDATES)
    low, high = min(bounds[0], 0.0), max(bounds[1], 0.0)
    return (
        low * shares if low else np.zeros(1),
        high * shares if high else np.zeros(1),
    )


def _within(bounds: Bounds, chosen: Bounds) -> Bounds:
    low, high = max(bounds[0], chosen[0]), min(bounds[1], chosen[1])
    return (low, high) if low <= high else bounds


METHODS: Final[Mapping[str, RangeMethod]] = {
    "percentile": _percentile_of(DEFAULT_PERCENTILE),
    "mse": _mse,
    "entropy": _entropy,
}
