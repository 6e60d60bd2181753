"""The step ``resize``, and scaling of images as a named framework does it.

By OpenCV where that is the same, else by numpy. Both are within one level of 255 of the framework.
Frameworks share the names of interpolations and not the results: they differ in the kernel, in
whether it widens when an image shrinks (antialiasing), and in what lies beyond the border.
"""

import importlib
from collections.abc import Mapping
from functools import cache, partial
from types import MappingProxyType, ModuleType
from typing import Any, ClassVar, Optional

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.errors import InputError
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.preprocess import (
    MAX_PIXELS,
    ROUNDINGS,
    Change,
    Geometry,
    Step,
    size_in_pixels,
)

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


_SIDES = ("shorter_side", "longer_side", "height", "max_width")


@dataclass(frozen=True)
class Resize:
    """Scales the image.

    Args:
        size: Height and width in pixels; the aspect ratio may change. None with *sides*.
        sides: Else the lengths by name, of which the other side follows. ``longer_side`` beside
            ``shorter_side`` is a limit, as torchvision's ``max_size``; ``max_width`` beside
            ``height`` squeezes what would be wider.
        kernel: The interpolation.
        rounding: Of the side that follows; ``down`` as torchvision does.
    """

    op: ClassVar[str] = "resize"
    size: Optional[tuple[int, int]]
    sides: tuple[tuple[str, int], ...]
    kernel: Kernel
    rounding: str = "down"

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return the scaled image, of the same element type."""
        return self.fixed(image)(image)

    def fixed(self, image: np.ndarray) -> Change:
        """Return what is done to images like *image*."""
        return scaling(image, *self._target(image.shape[0], image.shape[1]), self.kernel)

    def moved(self, geometry: Geometry) -> Geometry:
        """Return *geometry* after this step."""
        return geometry.scaled(*self._target(geometry.height, geometry.width))

    def to_json(self) -> dict[str, Any]:
        """Return the step's entry."""
        extent = dict(self.sides) if self.size is None else {"size": list(self.size)}
        rounding = {} if self.rounding == "down" else {"rounding": self.rounding}
        return {"op": self.op, **extent, **kernel_json(self.kernel), **rounding}

    @classmethod
    def parse(cls, fields: Fields, before: tuple[Step, ...]) -> "Resize":  # noqa: ARG003 - StepParser
        """Return the step of an entry; see ``StepParser``."""
        sides = {key: fields.whole(key, 1, MAX_PIXELS) for key in _SIDES if fields.has(key)}
        given = set(sides) - ({"longer_side"} if "shorter_side" in sides else set())
        given -= {"max_width"} if "height" in sides else set()
        if given - {"max_width"} != given or len(given) + fields.has("size") != 1:
            raise fields.fault(
                "it needs either 'size' or 'shorter_side' (which 'longer_side' may limit) or "
                "'longer_side' or 'height' (with 'max_width' or without)"
            )
        return cls(
            size_in_pixels(fields) if fields.has("size") else None,
            tuple(sides.items()),
            parse_kernel(fields),
            fields.choice("rounding", ROUNDINGS, "down"),
        )

    def _target(self, height: int, width: int) -> tuple[int, int]:
        if self.size is not None:
            return self.size
        sides, whole = dict(self.sides), ROUNDINGS[self.rounding]
        if "height" in sides:
            wanted = max(1, whole(width * sides["height"] / height))
            return sides["height"], min(wanted, sides.get("max_width", wanted))
        short, long = sorted((height, width))
        limit = sides.get("longer_side", 0)
        if "shorter_side" in sides:
            new_short, new_long = sides["shorter_side"], whole(long * sides["shorter_side"] / short)
            if 0 < limit < new_long:
                new_short, new_long = whole(limit * new_short / new_long), limit
        else:
            new_short, new_long = whole(short * limit / long), limit
        new_short = max(1, new_short)
        return (new_short, new_long) if height <= width else (new_long, new_short)
