"""The step ``letterbox``: fitted into a size with the aspect ratio kept, and a border around."""

from typing import Any, ClassVar

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.preprocess.geometry import Geometry
from edgeml_runtime.preprocess.interpolation import INTERPOLATIONS, resized
from edgeml_runtime.preprocess.pad import with_border
from edgeml_runtime.preprocess.step import Step, size_in_pixels

_GRAY = 114  # the border of the YOLO family, which made this step popular


@dataclass(frozen=True)
class Letterbox:
    """Scales to fit, then centers; an odd margin leaves the larger part at the bottom and right.

    Args:
        size: Height and width of the result in pixels.
        interpolation: As in ``resize``.
        fill: The border: one value, or one for each channel.
    """

    op: ClassVar[str] = "letterbox"
    size: tuple[int, int]
    interpolation: str
    fill: tuple[float, ...]

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return the fitted image, of the same element type."""
        height, width = self.size
        inner_height, inner_width = self._inner(image.shape[0], image.shape[1])
        inner = resized(image, inner_height, inner_width, self.interpolation)
        top, left = (height - inner_height) // 2, (width - inner_width) // 2
        bottom, right = height - inner_height - top, width - inner_width - left
        return with_border(inner, (top, bottom, left, right), self.fill)

    def moved(self, geometry: Geometry) -> Geometry:
        """Return *geometry* after this step."""
        height, width = self.size
        inner_height, inner_width = self._inner(geometry.height, geometry.width)
        inner = geometry.scaled(inner_height, inner_width)
        top, left = (height - inner_height) // 2, (width - inner_width) // 2
        return inner.cut(-top, -left, height, width)

    def _inner(self, image_height: int, image_width: int) -> tuple[int, int]:
        height, width = self.size
        scale = min(height / image_height, width / image_width)
        inner_height = min(height, max(1, round(image_height * scale)))
        inner_width = min(width, max(1, round(image_width * scale)))
        return inner_height, inner_width

    def to_json(self) -> dict[str, Any]:
        """Return the step's entry."""
        return {
            "op": self.op,
            "size": list(self.size),
            "interpolation": self.interpolation,
            "fill": list(self.fill),
        }

    @classmethod
    def parse(cls, fields: Fields, before: tuple[Step, ...]) -> "Letterbox":  # noqa: ARG003 - StepParser
        """Return the step of an entry; see ``StepParser``."""
        return cls(
            size_in_pixels(fields),
            fields.choice("interpolation", INTERPOLATIONS, "bilinear"),
            fields.numbers("fill", _GRAY),
        )
