"""Scaling of images as a named framework does it: by OpenCV where that is the same, else by numpy.

Both are within one level of 255 of the framework. Frameworks share the names of interpolations and
not the results: they differ in the kernel, in whether it widens when an image shrinks
(antialiasing), and in what lies beyond the border.
"""

import importlib
from collections.abc import Mapping
from functools import cache, partial
from types import MappingProxyType, ModuleType
from typing import Any, Optional

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.errors import InputError
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.preprocess.step import MAX_PIXELS, Change

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

_CV2_NAMES = {
    "nearest": "INTER_NEAREST",
    "bilinear": "INTER_LINEAR",
    "bicubic": "INTER_CUBIC",
    "area": "INTER_AREA",
    "lanczos": "INTER_LANCZOS4",
}
MOST_CHANNELS = 4  # at a time: what OpenCV takes in every interpolation


@dataclass(frozen=True)
class Kernel:
    """One interpolation of one framework."""

    name: str
    like: str
    antialias: bool


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


def scaling(image: np.ndarray, height: int, width: int, kernel: Kernel) -> Change:
    """Return what scales images like *image* (H,W,C), uint8 or float32, to *height* and *width*.

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
    cv2 = opencv() if channels <= MOST_CHANNELS and _is_opencv_s(kernel, grows=grows) else None
    if cv2 is not None:
        flag = getattr(cv2, _CV2_NAMES[kernel.name])
        scale: Change = partial(cv2.resize, dsize=(width, height), interpolation=flag)
        return scale if channels > 1 else lambda image: scale(image)[:, :, np.newaxis]
    from edgeml_runtime.preprocess.resampling import resampled  # noqa: PLC0415 - not for OpenCV

    return partial(resampled, height=height, width=width, kernel=kernel)


def _is_opencv_s(kernel: Kernel, *, grows: bool) -> bool:
    """Return whether OpenCV's interpolation of that name gives what *kernel* does."""
    sharp = not kernel.antialias and kernel.like != "pil"
    if kernel.name == "bicubic" and kernel.like == "torch":
        return sharp
    plain = kernel.name == "bilinear" and kernel.like != "tensorflow1" and (sharp or grows)
    return plain or kernel.like == "opencv"


@cache  # a failing import is searched for again each time
def opencv() -> Optional[ModuleType]:
    """Return OpenCV where it is installed."""
    try:
        return importlib.import_module("cv2")
    except ImportError:
        return None
