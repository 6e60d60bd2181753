"""Scaling of images as a named framework does it: by OpenCV where that is the same, else by numpy.

Both are within one level of 255 of the framework.
"""

import importlib
from functools import cache, partial
from types import ModuleType
from typing import Any, Optional

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.errors import InputError
from edgeml_runtime.preprocess.cast import rounded
from edgeml_runtime.preprocess.kernels import ANTIALIASED, NAMES, Kernel, bands, nearest_indices
from edgeml_runtime.preprocess.step import MAX_PIXELS, Change

_CV2_NAMES = {
    "nearest": "INTER_NEAREST",
    "bilinear": "INTER_LINEAR",
    "bicubic": "INTER_CUBIC",
    "area": "INTER_AREA",
    "lanczos": "INTER_LANCZOS4",
}
_MOST_CHANNELS = 4  # at a time: what OpenCV takes in every interpolation
_ROWS = 64  # that are held as float32 at a time


def parse_kernel(fields: Fields) -> Kernel:
    """Return what the keys ``interpolation``, ``like`` and ``antialias`` say; raises InputError."""
    like = fields.choice("like", NAMES, "opencv")
    name = fields.choice("interpolation", NAMES[like], "bilinear")
    antialias = fields.flag("antialias")
    if antialias and (like not in ("torch", "tensorflow") or name not in ANTIALIASED):
        raise fields.fault(f"'antialias' is for {', '.join(ANTIALIASED)} like torch or tensorflow")
    return Kernel(name, like, antialias)


def kernel_json(kernel: Kernel) -> dict[str, Any]:
    """Return the keys that make *kernel*; what is as by default is left out, but its name."""
    entry: dict[str, Any] = {"interpolation": kernel.name}
    if kernel.like != "opencv":
        entry["like"] = kernel.like
    if kernel.antialias:
        entry["antialias"] = True
    return entry


def resized(image: np.ndarray, height: int, width: int, kernel: Kernel) -> np.ndarray:
    """Return *image* (H,W,C), uint8 or float32, scaled to *height* and *width*."""
    return scaling(image, height, width, kernel)(image)


def scaling(image: np.ndarray, height: int, width: int, kernel: Kernel) -> Change:
    """Return what scales an image like *image* as ``resized`` does.

    Raises:
        InputError: Another element type, or a side over the limit.
    """
    if image.dtype.char not in "Bf" or not image.dtype.isnative:
        raise InputError(
            f"An image of {image.dtype} cannot be scaled.",
            "Give uint8 or float32, or put a 'cast' before.",
        )
    if max(height, width) > MAX_PIXELS:
        raise InputError(
            f"An image of {image.shape[0]}x{image.shape[1]} pixels would be scaled to "
            f"{height}x{width}, and {MAX_PIXELS} is the most for a side.",
            "Give an image that is less long and narrow, or a smaller size.",
        )
    old_height, old_width, channels = image.shape
    if (old_height, old_width) == (height, width):
        return np.asarray
    grows = height >= old_height and width >= old_width
    cv2 = opencv() if channels <= _MOST_CHANNELS and _is_opencv_s(kernel, grows=grows) else None
    if cv2 is not None:
        flag = getattr(cv2, _CV2_NAMES[kernel.name])
        scale: Change = partial(cv2.resize, dsize=(width, height), interpolation=flag)
        return scale if channels > 1 else lambda image: scale(image)[:, :, np.newaxis]
    return partial(resampled, height=height, width=width, kernel=kernel)


def resampled(image: np.ndarray, height: int, width: int, kernel: Kernel) -> np.ndarray:
    """Return *image* scaled as ``resized`` does, by numpy alone."""
    old_height, old_width, channels = image.shape
    if channels > _MOST_CHANNELS:
        starts = range(0, channels, _MOST_CHANNELS)
        parts = [image[:, :, start : start + _MOST_CHANNELS] for start in starts]
        return np.dstack([resampled(part, height, width, kernel) for part in parts])
    if kernel.name.startswith("nearest"):
        rows = nearest_indices(old_height, height, kernel)
        columns = nearest_indices(old_width, width, kernel)
        picked: np.ndarray = np.take(image[rows], columns, axis=1)
        return picked
    if (
        kernel.like == "opencv"
        and kernel.name == "area"
        and (height > old_height or width > old_width)
    ):
        kernel = kernel._replace(name="linear_area")
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
        block = matrix @ source[low:high].astype(matrix.dtype, copy=False)
        scaled[start : start + len(matrix)] = _whole(block, dtype, kernel)
    return scaled


def _across(table: np.ndarray, width: int, channels: int, kernel: Kernel, dtype: str) -> np.ndarray:
    """Return *table* (H, W * channels) with *width* columns."""
    used, parts = bands(table.shape[1] // channels, width, kernel, channels)
    table = table if used is None else table[:, used]
    scaled = np.empty((len(table), width * channels), dtype)
    for top in range(0, len(table), _ROWS):
        source = table[top : top + _ROWS].astype(parts[0][3].dtype, copy=False)
        block = np.empty((len(source), width * channels), source.dtype)
        for start, low, high, matrix in parts:
            np.matmul(source[:, low:high], matrix.T, out=block[:, start : start + len(matrix)])
        scaled[top : top + _ROWS] = _whole(block, dtype, kernel)
    return scaled


def _whole(block: np.ndarray, dtype: str, kernel: Kernel) -> np.ndarray:
    if kernel.like == "pil" and dtype == "uint8":
        block = np.floor(block + 0.5)  # where the others round half to even
    return rounded(block, dtype)


def _is_opencv_s(kernel: Kernel, *, grows: bool) -> bool:
    """Return whether OpenCV's interpolation of that name gives what *kernel* does."""
    if kernel.like == "opencv" or kernel == ("bicubic", "torch", False):
        return True
    sharp = grows or not (kernel.antialias or kernel.like == "pil")
    return sharp and kernel.name == "bilinear" and kernel.like != "tensorflow1"


@cache  # a failing import is searched for again each time
def opencv() -> Optional[ModuleType]:
    """Return OpenCV where it is installed."""
    try:
        return importlib.import_module("cv2")
    except ImportError:
        return None
