"""The steps ``crop`` and ``center_crop``: a part of the image."""

from operator import itemgetter
from typing import Any, ClassVar, Optional

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.errors import InputError
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.preprocess.geometry import Geometry
from edgeml_runtime.preprocess.step import MAX_PIXELS, ROUNDINGS, Change, Step, size_in_pixels

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
