"""The step ``resize``: to a size, or to a length of the shorter side."""

from typing import Any, ClassVar, Optional

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.preprocess.geometry import Geometry
from edgeml_runtime.preprocess.interpolation import INTERPOLATIONS, resized
from edgeml_runtime.preprocess.step import MAX_PIXELS, Step, size_in_pixels


@dataclass(frozen=True)
class Resize:
    """Scales the image.

    Args:
        size: Height and width in pixels; the aspect ratio may change. None with *shorter_side*.
        shorter_side: Pixels of the shorter side; the other follows, rounded down as torchvision
            does. 0 with *size*.
        interpolation: ``nearest``, ``bilinear``, ``bicubic`` or ``area``, as OpenCV defines them.
    """

    op: ClassVar[str] = "resize"
    size: Optional[tuple[int, int]]
    shorter_side: int
    interpolation: str

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return the scaled image, of the same element type."""
        height, width = self.size or self._keeping_aspect(image.shape[0], image.shape[1])
        return resized(image, height, width, self.interpolation)

    def moved(self, geometry: Geometry) -> Geometry:
        """Return *geometry* after this step."""
        return geometry.scaled(
            *(self.size or self._keeping_aspect(geometry.height, geometry.width))
        )

    def to_json(self) -> dict[str, Any]:
        """Return the step's entry."""
        extent: dict[str, Any] = (
            {"shorter_side": self.shorter_side} if self.size is None else {"size": list(self.size)}
        )
        return {"op": self.op, **extent, "interpolation": self.interpolation}

    @classmethod
    def parse(cls, fields: Fields, before: tuple[Step, ...]) -> "Resize":  # noqa: ARG003 - StepParser
        """Return the step of an entry; see ``StepParser``."""
        if fields.has("size") == fields.has("shorter_side"):
            raise fields.fault("it needs either 'size' or 'shorter_side'")
        return cls(
            size_in_pixels(fields) if fields.has("size") else None,
            fields.whole("shorter_side", 1, MAX_PIXELS) if fields.has("shorter_side") else 0,
            fields.choice("interpolation", INTERPOLATIONS, "bilinear"),
        )

    def _keeping_aspect(self, height: int, width: int) -> tuple[int, int]:
        short = min(height, width)
        return height * self.shorter_side // short, width * self.shorter_side // short
