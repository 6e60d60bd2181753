"""The steps that cut or add a border: ``crop``, ``center_crop``, ``pad`` and ``letterbox``."""

from collections.abc import Sequence
from operator import itemgetter
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
from edgeml_runtime.preprocess.scaling import Kernel, kernel_json, parse_kernel, scaling

Box = tuple[int, int, int, int]
"""Top, left, height, width."""


@dataclass(frozen=True)
class Crop:
    """Cuts out a fixed part.

    Args:
        place: The row and column where it begins.
        size: Height and width in pixels.
    """

    op: ClassVar[str] = "crop"
    place: tuple[int, int]
    size: tuple[int, int]

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return the part of the image; InputError when it reaches beyond."""
        return self.fixed(image)(image)

    def fixed(self, image: np.ndarray) -> Change:
        """Return what is done to images like *image*."""
        return _cut(image, (*self.place, *self.size), self.op)

    def moved(self, geometry: Geometry) -> Geometry:
        """Return *geometry* after this step."""
        return geometry.cut(*self.place, *self.size)

    def to_json(self) -> dict[str, Any]:
        """Return the step's entry."""
        return {"op": self.op, "place": list(self.place), "size": list(self.size)}

    @classmethod
    def parse(cls, fields: Fields, before: tuple[Step, ...]) -> "Crop":  # noqa: ARG003 - StepParser
        """Return the step of an entry; see ``StepParser``."""
        top, left = fields.wholes("place", 2, 0, MAX_PIXELS)
        return cls((top, left), size_in_pixels(fields))


@dataclass(frozen=True)
class CenterCrop:
    """Cuts out the middle.

    Args:
        size: Height and width in pixels. None with *fraction*.
        fraction: Else the share of each side, as ``tf.image.central_crop`` takes it.
        rounding: Of half an odd margin at the top and left: ``down``, or ``nearest`` (to even) as
            torchvision does.
    """

    op: ClassVar[str] = "center_crop"
    size: Optional[tuple[int, int]]
    fraction: float = 0.0
    rounding: str = "down"

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return the middle of the image; InputError when the image is smaller."""
        return self.fixed(image)(image)

    def fixed(self, image: np.ndarray) -> Change:
        """Return what is done to images like *image*."""
        return _cut(image, self._box(image.shape[0], image.shape[1]), self.op)

    def moved(self, geometry: Geometry) -> Geometry:
        """Return *geometry* after this step."""
        return geometry.cut(*self._box(geometry.height, geometry.width))

    def _box(self, height: int, width: int) -> Box:
        if self.size is None:
            top, left = (int((side - side * self.fraction) / 2) for side in (height, width))
            return top, left, height - 2 * top, width - 2 * left
        whole = ROUNDINGS[self.rounding]
        down, across = self.size
        return whole((height - down) / 2), whole((width - across) / 2), down, across

    def to_json(self) -> dict[str, Any]:
        """Return the step's entry."""
        if self.size is None:
            return {"op": self.op, "fraction": self.fraction}
        rounding = {} if self.rounding == "down" else {"rounding": self.rounding}
        return {"op": self.op, "size": list(self.size), **rounding}

    @classmethod
    def parse(cls, fields: Fields, before: tuple[Step, ...]) -> "CenterCrop":  # noqa: ARG003 - StepParser
        """Return the step of an entry; see ``StepParser``."""
        if not fields.has("fraction"):
            return cls(size_in_pixels(fields), 0.0, fields.choice("rounding", ROUNDINGS, "down"))
        fraction = fields.numbers("fraction")
        if len(fraction) != 1 or not 0.0 < fraction[0] <= 1.0:
            raise fields.fault(f"'fraction' is {list(fraction)}, and must be above 0 and at most 1")
        return cls(None, fraction[0])


def _cut(image: np.ndarray, box: Box, op: str) -> Change:
    top, left, height, width = box
    if top < 0 or left < 0 or top + height > image.shape[0] or left + width > image.shape[1]:
        at = f" at {top}, {left}" if op == "crop" else ""
        raise InputError(
            f"The step '{op}' got an image of {image.shape[0]}x{image.shape[1]} pixels "
            f"and cannot cut {height}x{width} out of it{at}.",
            "Put a 'resize' before it, or use 'pad' or 'letterbox'.",
        )
    return itemgetter((slice(top, top + height), slice(left, left + width)))


Amounts = tuple[int, int, int, int]
"""Rows and columns at the top, bottom, left and right."""

ALIGNMENTS = ("center", "top-left")

_COUNTS = {"amounts": 4, "size": 2, "multiple": 2}


@dataclass(frozen=True)
class Pad:
    """Adds rows and columns.

    Args:
        by: What says how many: ``amounts`` (top, bottom, left, right), ``size`` (height, width of
            the result) or ``multiple`` (of which height and width shall be).
        pixels: Its value.
        fill: One value, or one for each channel.
        align: Where the image is in a size, as in ``letterbox``.
    """

    op: ClassVar[str] = "pad"
    by: str
    pixels: tuple[int, ...]
    fill: tuple[float, ...]
    align: str = "top-left"

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return the image with its border, of the same element type."""
        return with_border(image, self._amounts(image.shape[0], image.shape[1]), self.fill)

    def framing(self, image: np.ndarray) -> tuple[Change, Amounts]:
        """Return as ``letterbox`` does; here nothing is scaled."""
        return np.asarray, self._amounts(image.shape[0], image.shape[1])

    def moved(self, geometry: Geometry) -> Geometry:
        """Return *geometry* after this step."""
        top, bottom, left, right = self._amounts(geometry.height, geometry.width)
        height, width = top + geometry.height + bottom, left + geometry.width + right
        return geometry.cut(-top, -left, height, width)

    def _amounts(self, height: int, width: int) -> Amounts:
        if self.by == "amounts":
            top, bottom, left, right = self.pixels
            return top, bottom, left, right
        down, across = self.pixels
        if self.by == "multiple":
            down, across = -(-height // down) * down, -(-width // across) * across
        if down < height or across < width:
            raise InputError(
                f"The step 'pad' got an image of {height}x{width} pixels, and its 'size' is "
                f"{down}x{across}.",
                "Put a 'resize' before it, or use 'letterbox'.",
            )
        return margins((height, width), (down, across), self.align)

    def to_json(self) -> dict[str, Any]:
        """Return the step's entry."""
        entry = {"op": self.op, self.by: list(self.pixels), "fill": list(self.fill)}
        return entry if self.align == "top-left" else {**entry, "align": self.align}

    @classmethod
    def parse(cls, fields: Fields, before: tuple[Step, ...]) -> "Pad":  # noqa: ARG003 - StepParser
        """Return the step of an entry; see ``StepParser``."""
        given = [key for key in _COUNTS if fields.has(key)]
        if len(given) > 1:
            raise fields.fault(f"it needs only one of '{given[0]}' and '{given[1]}'")
        by = given[0] if given else "amounts"
        pixels = fields.wholes(by, _COUNTS[by], int(by != "amounts"), MAX_PIXELS)
        align = "top-left" if by == "amounts" else fields.choice("align", ALIGNMENTS, "top-left")
        return cls(by, pixels, fields.numbers("fill", 0), align)


def margins(inner: Sequence[int], size: tuple[int, int], align: str) -> Amounts:
    """Return the amounts that make an image of *inner* height and width one of *size*."""
    down, across = size[0] - inner[0], size[1] - inner[1]
    top, left = (down // 2, across // 2) if align == "center" else (0, 0)
    return top, down - top, left, across - left


def color_of(fill: tuple[float, ...], dtype: np.dtype, channels: int) -> np.ndarray:
    """Return *fill* as one pixel: (channels,) of *dtype*.

    Raises:
        InputError: It has neither one value nor one for each channel, or one that the element
            type cannot hold.
    """
    if len(fill) not in (1, channels):
        raise InputError(
            f"'fill' has {len(fill)} values and the image has {channels} channels.",
            f"Give one value, or {channels}.",
        )
    color = np.array(fill)
    if dtype.kind in "iu" and not np.array_equal(color.astype(dtype), color):
        raise InputError(
            f"'fill' is {list(fill)} and the image is {dtype.name}.",
            "Give values that this type can hold, or cast the image before.",
        )
    pixel: np.ndarray = np.empty(channels, dtype)
    pixel[:] = color
    return pixel


def with_border(image: np.ndarray, amounts: Amounts, fill: tuple[float, ...]) -> np.ndarray:
    """Return *image* (H,W,C) with *amounts* of *fill* around it; raises InputError."""
    top, bottom, left, right = amounts
    height, width, channels = image.shape
    framed = np.empty((top + height + bottom, left + width + right, channels), image.dtype)
    color = color_of(fill, image.dtype, channels)
    framed[:] = color[0] if (color == color[0]).all() else color  # one value fills much faster
    framed[top : top + height, left : left + width] = image
    return framed


_GRAY = 114  # the border of the YOLO family, which made this step popular


@dataclass(frozen=True)
class Letterbox:
    """Scales to fit, then adds a border.

    Args:
        size: Height and width of the result in pixels.
        kernel: The interpolation.
        fill: The border: one value, or one for each channel.
        align: ``center``, where an odd margin leaves the larger part at the bottom and right, or
            ``top-left``.
        rounding: Of the size within the border.
        scale_up: Whether a smaller image is scaled, or only framed.
    """

    op: ClassVar[str] = "letterbox"
    size: tuple[int, int]
    kernel: Kernel
    fill: tuple[float, ...]
    align: str = "center"
    rounding: str = "nearest"
    scale_up: bool = True

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return the fitted image, of the same element type."""
        scale, amounts = self.framing(image)
        return with_border(scale(image), amounts, self.fill)

    def framing(self, image: np.ndarray) -> tuple[Change, Amounts]:
        """Return what scales images like *image*, and the amounts of the border."""
        inner = self._inner(image.shape[0], image.shape[1])
        return scaling(image, *inner, self.kernel), margins(inner, self.size, self.align)

    def moved(self, geometry: Geometry) -> Geometry:
        """Return *geometry* after this step."""
        inner = self._inner(geometry.height, geometry.width)
        top, _, left, _ = margins(inner, self.size, self.align)
        return geometry.scaled(*inner).cut(-top, -left, *self.size)

    def _inner(self, image_height: int, image_width: int) -> tuple[int, int]:
        height, width = self.size
        whole = ROUNDINGS[self.rounding]
        scale = min(height / image_height, width / image_width)
        scale = scale if self.scale_up else min(scale, 1.0)
        inner_height = min(height, max(1, whole(image_height * scale)))
        inner_width = min(width, max(1, whole(image_width * scale)))
        return inner_height, inner_width

    def to_json(self) -> dict[str, Any]:
        """Return the step's entry."""
        entry = {"op": self.op, "size": list(self.size), **kernel_json(self.kernel)}
        entry["fill"] = list(self.fill)
        if self.align != "center":
            entry["align"] = self.align
        if self.rounding != "nearest":
            entry["rounding"] = self.rounding
        return entry if self.scale_up else {**entry, "scale_up": False}

    @classmethod
    def parse(cls, fields: Fields, before: tuple[Step, ...]) -> "Letterbox":  # noqa: ARG003 - StepParser
        """Return the step of an entry; see ``StepParser``."""
        return cls(
            size_in_pixels(fields),
            parse_kernel(fields),
            fields.numbers("fill", _GRAY),
            fields.choice("align", ALIGNMENTS, "center"),
            fields.choice("rounding", ROUNDINGS, "nearest"),
            fields.flag("scale_up", default=True),
        )
