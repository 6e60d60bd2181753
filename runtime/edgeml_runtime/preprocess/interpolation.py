"""Scaling of images: by OpenCV where it is installed, else by numpy.

Sample positions are OpenCV's: pixel centers at half coordinates, no smoothing when shrinking
(except ``area``).
"""

import importlib
from functools import cache
from types import ModuleType
from typing import Optional

import numpy as np

from edgeml_runtime.errors import InputError, MissingToolError
from edgeml_runtime.preprocess.cast import rounded
from edgeml_runtime.preprocess.step import MAX_PIXELS

INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "area")

_CV2_DTYPES = ("uint8", "float32")
_CV2_NAMES = {
    "nearest": "INTER_NEAREST",
    "bilinear": "INTER_LINEAR",
    "bicubic": "INTER_CUBIC",
    "area": "INTER_AREA",
}


def resized(image: np.ndarray, height: int, width: int, interpolation: str) -> np.ndarray:
    """Return *image* (H,W,C), uint8 or float32, scaled to *height* and *width*.

    Raises:
        InputError: Another element type, or a side over the limit.
        MissingToolError: *interpolation* is bicubic or area and OpenCV is not installed.
    """
    if image.dtype.name not in _CV2_DTYPES:
        raise InputError(
            f"An image of {image.dtype.name} cannot be scaled.",
            "Give uint8 or float32, or put a 'cast' before.",
        )
    if max(height, width) > MAX_PIXELS:
        raise InputError(
            f"An image of {image.shape[0]}x{image.shape[1]} pixels would be scaled to "
            f"{height}x{width}, and {MAX_PIXELS} is the most for a side.",
            "Give an image that is less long and narrow, or a smaller size.",
        )
    if image.shape[:2] == (height, width):
        return image
    cv2 = _opencv()
    if cv2 is not None:
        scaled: np.ndarray = cv2.resize(
            np.ascontiguousarray(image),
            (width, height),
            interpolation=getattr(cv2, _CV2_NAMES[interpolation]),
        )
        return scaled.reshape(height, width, image.shape[2])  # OpenCV drops a single channel
    if interpolation == "nearest":
        return nearest(image, height, width)
    if interpolation == "bilinear":
        return bilinear(image, height, width)
    raise MissingToolError(
        f"The interpolation '{interpolation}' needs OpenCV, which is not installed.",
        "Run: pip install opencv-python-headless (or use 'bilinear').",
    )


def nearest(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return *image* (H,W,C) scaled by repeating or dropping pixels."""
    rows = _nearest_indices(image.shape[0], height)
    columns = _nearest_indices(image.shape[1], width)
    picked: np.ndarray = image[rows[:, np.newaxis], columns]
    return picked


def bilinear(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return *image* (H,W,C) scaled by linear interpolation; within 1 level of OpenCV on uint8."""
    top, bottom, down = _neighbours(image.shape[0], height)
    left, right, across = _neighbours(image.shape[1], width)
    across = across[:, np.newaxis]
    down = down[:, np.newaxis, np.newaxis]
    source = image.astype(np.float32)
    rows = source[:, left] * (1 - across) + source[:, right] * across
    scaled = rows[top] * (1 - down) + rows[bottom] * down
    return rounded(scaled, image.dtype.name)


def _nearest_indices(source: int, target: int) -> np.ndarray:
    """Return the source index of each target pixel, with OpenCV's rounding errors."""
    step = 1.0 / (target / source)  # not source / target: the last bit decides on whole results
    indices = np.floor(np.arange(target) * step).astype(np.intp)
    inside: np.ndarray = np.minimum(indices, source - 1)
    return inside


def _neighbours(source: int, target: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the two source indices of each target pixel, and the weight of the second."""
    centers = (np.arange(target) + 0.5) * (source / target) - 0.5
    centers = np.clip(centers, 0, source - 1)
    first = np.floor(centers).astype(np.intp)
    second = np.minimum(first + 1, source - 1)
    return first, second, (centers - first).astype(np.float32)


@cache  # a failing import is searched for again each time
def _opencv() -> Optional[ModuleType]:
    try:
        return importlib.import_module("cv2")
    except ImportError:
        return None
