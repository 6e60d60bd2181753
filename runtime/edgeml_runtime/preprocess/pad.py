"""The step ``pad``: a border of one color."""

from typing import Any, ClassVar

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.errors import InputError
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.preprocess.geometry import Geometry
from edgeml_runtime.preprocess.step import MAX_PIXELS, Step


@dataclass(frozen=True)
class Pad:
    """Adds rows and columns.

    Args:
        amounts: Pixels at the top, bottom, left and right.
        fill: One value, or one for each channel.
    """

    op: ClassVar[str] = "pad"
    amounts: tuple[int, int, int, int]
    fill: tuple[float, ...]

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return the image with its border, of the same element type."""
        return with_border(image, self.amounts, self.fill)

    def moved(self, geometry: Geometry) -> Geometry:
        """Return *geometry* after this step."""
        top, bottom, left, right = self.amounts
        height, width = top + geometry.height + bottom, left + geometry.width + right
        return geometry.cut(-top, -left, height, width)

    def to_json(self) -> dict[str, Any]:
        """Return the step's entry."""
        return {"op": self.op, "amounts": list(self.amounts), "fill": list(self.fill)}

    @classmethod
    def parse(cls, fields: Fields, before: tuple[Step, ...]) -> "Pad":  # noqa: ARG003 - StepParser
        """Return the step of an entry; see ``StepParser``."""
        top, bottom, left, right = fields.wholes("amounts", 4, 0, MAX_PIXELS)
        return cls((top, bottom, left, right), fields.numbers("fill", 0))


def with_border(
    image: np.ndarray, amounts: tuple[int, int, int, int], fill: tuple[float, ...]
) -> np.ndarray:
    """Return *image* (H,W,C) with *amounts* (top, bottom, left, right) of *fill* around it.

    Raises:
        InputError: *fill* has neither one value nor one for each channel, or one that the element
            type cannot hold.
    """
    top, bottom, left, right = amounts
    height, width, channels = image.shape
    if len(fill) not in (1, channels):
        raise InputError(
            f"'fill' has {len(fill)} values and the image has {channels} channels.",
            f"Give one value, or {channels}.",
        )
    color = np.array(fill)
    if image.dtype.kind in "iu" and not np.array_equal(color.astype(image.dtype), color):
        raise InputError(
            f"'fill' is {list(fill)} and the image is {image.dtype.name}.",
            "Give values that this type can hold, or cast the image before.",
        )
    framed = np.empty((top + height + bottom, left + width + right, channels), image.dtype)
    framed[:] = color
    framed[top : top + height, left : left + width] = image
    return framed
