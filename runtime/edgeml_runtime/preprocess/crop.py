"""The step ``center_crop``: the middle of the image."""

from typing import Any, ClassVar

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.errors import InputError
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.preprocess.geometry import Geometry
from edgeml_runtime.preprocess.step import Step, size_in_pixels


@dataclass(frozen=True)
class CenterCrop:
    """Cuts out the middle; an odd margin leaves the larger part at the bottom and right.

    Args:
        size: Height and width in pixels.
    """

    op: ClassVar[str] = "center_crop"
    size: tuple[int, int]

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return the middle of the image; InputError when the image is smaller."""
        height, width = self.size
        top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
        if top < 0 or left < 0:
            raise InputError(
                f"The step 'center_crop' got an image of {image.shape[0]}x{image.shape[1]} pixels "
                f"and cannot cut {height}x{width} out of it.",
                "Put a 'resize' before it, or use 'pad' or 'letterbox'.",
            )
        return image[top : top + height, left : left + width]

    def moved(self, geometry: Geometry) -> Geometry:
        """Return *geometry* after this step."""
        height, width = self.size
        top, left = (geometry.height - height) // 2, (geometry.width - width) // 2
        return geometry.cut(top, left, height, width)

    def to_json(self) -> dict[str, Any]:
        """Return the step's entry."""
        return {"op": self.op, "size": list(self.size)}

    @classmethod
    def parse(cls, fields: Fields, before: tuple[Step, ...]) -> "CenterCrop":  # noqa: ARG003 - StepParser
        """Return the step of an entry; see ``StepParser``."""
        return cls(size_in_pixels(fields))
