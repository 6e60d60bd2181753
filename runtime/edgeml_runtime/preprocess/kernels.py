"""The interpolations of frameworks as weights of source pixels, each axis by itself.

Frameworks share the names and not the results: they differ in the kernel, in whether it widens when
an image shrinks (antialiasing), and in what lies beyond the border. Held to OpenCV 5.0, Pillow 13,
PyTorch 2.13 and TensorFlow 2.21.
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple, Optional

import numpy as np

_COMMON = ("nearest", "bilinear", "bicubic", "area")
NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "opencv": (*_COMMON, "lanczos"),
        "pil": ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"),
        "torch": ("nearest", "nearest_exact", "bilinear", "bicubic"),
        "tensorflow": (*_COMMON, "lanczos"),
        "tensorflow1": _COMMON,
    }
)
"""What each framework has."""

ANTIALIASED = ("bilinear", "bicubic", "lanczos")
"""What ``torch`` and ``tensorflow`` have both ways; ``pil`` always antialiases."""

_REACH = {"box": 0.5, "bilinear": 1.0, "hamming": 1.0, "bicubic": 2.0, "lanczos": 3.0}
_BAND = 8  # target pixels that are made of one dense product; measured


class Kernel(NamedTuple):
    """One interpolation: the key of every table of weights."""

    name: str
    like: str
    antialias: bool


class Bands(NamedTuple):
    """A table of weights as small dense matrices.

    ``used``: the source pixels that have a weight, or None for all of them. Each part: the first
    target pixel, the range of (used) source pixels, and the matrix (targets, sources).
    """

    used: Optional[np.ndarray]
    parts: tuple[tuple[int, int, int, np.ndarray], ...]


@lru_cache(maxsize=32)
def nearest_indices(source: int, target: int, kernel: Kernel) -> np.ndarray:
    """Return the source pixel of each target pixel, with the framework's own rounding errors."""
    pixels = np.arange(target)
    single = np.float32(source / target)
    if kernel.like == "opencv":
        positions = pixels * (1.0 / (target / source))  # source / target differs in the last bit
    elif kernel.like == "pil":
        positions = np.cumsum(np.r_[0.5, np.ones(target - 1)] * (source / target))
    elif kernel.like == "tensorflow":
        positions = (pixels + 0.5).astype(np.float32) * single
    else:
        middle = 0.5 if kernel.name == "nearest_exact" else 0.0
        positions = ((pixels + middle) * np.float64(single)).astype(np.float32)
    inside: np.ndarray = np.minimum(np.floor(positions).astype(np.intp), source - 1)
    return inside


@lru_cache(maxsize=8)
def bands(source: int, target: int, kernel: Kernel, repeat: int) -> Bands:
    """Return the weights of an axis, once for each of *repeat* channels of a pixel."""
    indices, factors = weights(source, target, kernel)
    used = None if repeat > 1 else np.unique(indices[factors != 0.0])
    if used is None or 4 * used.size > 3 * source:
        used = None
    else:
        indices = np.searchsorted(used, indices)
    parts = []
    for start in range(0, target, _BAND):
        columns, rows = indices[start : start + _BAND], factors[start : start + _BAND]
        low, high = int(columns[rows != 0.0].min()), int(columns[rows != 0.0].max()) + 1
        dense = np.zeros((len(rows), high - low), factors.dtype)
        row = np.arange(len(rows))[:, np.newaxis]
        np.add.at(dense, (row, np.clip(columns - low, 0, high - low - 1)), rows)
        dense = np.kron(dense, np.eye(repeat, dtype=factors.dtype))
        parts.append((start * repeat, low * repeat, high * repeat, dense))
    return Bands(used, tuple(parts))


def weights(source: int, target: int, kernel: Kernel) -> tuple[np.ndarray, np.ndarray]:
    """Return the source pixels of each target pixel, and their weights: both (target, taps)."""
    scale = 1.0 / (target / source) if kernel.like == "opencv" else source / target
    pixels = np.arange(target)[:, np.newaxis].astype(np.float64)
    if kernel.name == "linear_area":
        first = np.floor(pixels * scale)
        part = (pixels + 1) - (first + 1) * (target / source)
        part = np.maximum(part.astype(np.float32), 0.0) % 1.0
        factors = np.concatenate([1.0 - part, part], axis=1)
    elif kernel.name == "area":
        begin, end = pixels * scale, np.minimum((pixels + 1) * scale, source)
        first = np.floor(begin)
        taps = first + np.arange(int(np.ceil(scale)) + 1)
        factors = np.maximum(np.minimum(taps + 1, end) - np.maximum(taps, begin), 0.0)
    else:
        smooth = kernel.antialias or kernel.like == "pil"
        stretch = max(scale, 1.0) if smooth else 1.0
        reach = _REACH[kernel.name] + (kernel == ("lanczos", "opencv", False))
        middle = pixels * scale + 0.5 if kernel.like == "tensorflow1" else (pixels + 0.5) * scale
        first = np.floor(middle - reach * stretch + 0.5)
        taps = first + np.arange(int(np.ceil(2 * reach * stretch)) + 1)
        factors = _values((taps - middle + 0.5) * (1.0 / stretch), kernel, reach)
        if smooth or kernel.like == "tensorflow":  # the others repeat the pixels of the border
            factors[(taps < 0) | (taps >= source)] = 0.0
    factors /= factors.sum(axis=1, keepdims=True)
    # Pillow sums in fixed point, which float64 can follow to the bit.
    pil = kernel.like == "pil"
    factors = np.rint(factors * 2**22) / 2**22 if pil else factors.astype(np.float32)
    indices = np.clip(first + np.arange(factors.shape[1]), 0, source - 1)
    return indices.astype(np.intp), factors


def _values(distance: np.ndarray, kernel: Kernel, reach: float) -> np.ndarray:
    """Return the height of the kernel at each *distance*, in pixels, from the middle."""
    x = np.abs(distance)
    if kernel.name == "box":
        return np.asarray((distance > -0.5) & (distance <= 0.5), np.float64)
    if kernel.name == "bilinear":
        return np.asarray(np.maximum(1.0 - x, 0.0))
    if kernel.name == "bicubic":
        tensorflow = kernel.like in ("pil", "tensorflow")
        a = -0.5 if kernel.antialias or tensorflow else -0.75
        near = ((a + 2) * x - (a + 3)) * x * x + 1
        far = (((x - 5) * x + 8) * x - 4) * a
        return np.where(x < 1, near, np.where(x < 2, far, 0.0))
    window = np.sinc(x / reach) if kernel.name == "lanczos" else 0.54 + 0.46 * np.cos(np.pi * x)
    return np.where(x < reach, np.sinc(x) * window, 0.0)
