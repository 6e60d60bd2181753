"""The step ``pad``: a border of one color."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.errors import InputError
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.preprocess.geometry import Geometry
from edgeml_runtime.preprocess.step import MAX_PIXELS, Change, Step

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
