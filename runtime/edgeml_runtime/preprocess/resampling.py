"""Scaling by numpy alone: weights of source pixels, each axis by itself.

Held to OpenCV 5.0, Pillow 12, PyTorch 2.13 and TensorFlow 2.21.
"""

from functools import lru_cache
from typing import Optional

import numpy as np

from edgeml_runtime.frozen import replace
from edgeml_runtime.preprocess.pixels import rounded
from edgeml_runtime.preprocess.scaling import MOST_CHANNELS, Kernel

_REACH = {"box": 0.5, "bilinear": 1.0, "hamming": 1.0, "bicubic": 2.0, "lanczos": 3.0}
_BAND = 8  # target pixels that are made of one dense product; measured
_PRODUCT = 200_000  # multiplications of one product: OpenBLAS wakes its threads for some more

Bands = tuple[Optional[np.ndarray], list[tuple[int, int, int, np.ndarray]]]
"""Weights as small dense matrices: the source pixels that have a weight, or None for all; and
parts, each the first target pixel, the range of those source pixels, and (targets, sources).
"""


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
    return used, parts


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
        reach = _REACH[kernel.name] + (kernel.name == "lanczos" and kernel.like == "opencv")
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


def resampled(image: np.ndarray, height: int, width: int, kernel: Kernel) -> np.ndarray:
    """Return *image* (H,W,C), uint8 or float32, scaled to *height* and *width*."""
    old_height, old_width, channels = image.shape
    if channels > MOST_CHANNELS:
        starts = range(0, channels, MOST_CHANNELS)
        parts = [image[:, :, start : start + MOST_CHANNELS] for start in starts]
        return np.dstack([resampled(part, height, width, kernel) for part in parts])
    if kernel.name.startswith("nearest"):
        rows = nearest_indices(old_height, height, kernel)
        columns = nearest_indices(old_width, width, kernel)
        picked: np.ndarray = np.take(image[rows], columns, axis=1)
        return picked
    grows = height > old_height or width > old_width
    if grows and kernel.like == "opencv" and kernel.name == "area":
        kernel = replace(kernel, name="linear_area")
    between = image.dtype.name if kernel.like == "pil" else "float32"
    table = image.reshape(old_height, old_width * channels)
    if kernel.like == "pil":
        scaled = _down(_across(table, width, channels, kernel, between), height, kernel, between)
    else:
        scaled = _down(table, height, kernel, between)
        scaled = _across(scaled, width, channels, kernel, image.dtype.name)
    return scaled.reshape(height, width, channels)


def _down(table: np.ndarray, height: int, kernel: Kernel, dtype: str) -> np.ndarray:
    """Return *table* (H,N) with *height* rows."""
    used, parts = bands(len(table), height, kernel, 1)
    source = table if used is None else table[used]
    scaled = np.empty((height, table.shape[1]), dtype)
    for start, low, high, matrix in parts:
        step = max(1, _PRODUCT // matrix.size)
        for left in range(0, table.shape[1], step):
            columns = slice(left, left + step)
            block = matrix @ source[low:high, columns].astype(matrix.dtype, copy=False)
            scaled[start : start + len(matrix), columns] = _whole(block, dtype, kernel)
    return scaled


def _across(table: np.ndarray, width: int, channels: int, kernel: Kernel, dtype: str) -> np.ndarray:
    """Return *table* (H, W * channels) with *width* columns."""
    used, parts = bands(table.shape[1] // channels, width, kernel, channels)
    table = table if used is None else table[:, used]
    scaled = np.empty((len(table), width * channels), dtype)
    step = max(1, _PRODUCT // max(matrix.size for *_, matrix in parts))
    for top in range(0, len(table), step):
        source = table[top : top + step].astype(parts[0][3].dtype, copy=False)
        block = np.empty((len(source), width * channels), source.dtype)
        for start, low, high, matrix in parts:
            np.matmul(source[:, low:high], matrix.T, out=block[:, start : start + len(matrix)])
        scaled[top : top + step] = _whole(block, dtype, kernel)
    return scaled


def _whole(block: np.ndarray, dtype: str, kernel: Kernel) -> np.ndarray:
    if kernel.like == "pil" and dtype == "uint8":
        block = np.floor(block + 0.5)  # where the others round half to even
    return rounded(block, dtype)
