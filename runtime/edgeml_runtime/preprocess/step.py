"""What a preprocessing step is, and where the pixels of a model's input lie in the image."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Callable, Protocol

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.errors import InputError
from edgeml_runtime.frozen import dataclass, replace

_MAX_PIXELS = 2**24  # of an input that is made larger than its image


@dataclass(frozen=True)
class Geometry:
    """A scale and a shift for each axis: ``image_x = input_x * scale_x + offset_x``, in pixels.

    Args:
        image_height: Of the image that entered the preprocessing.
        image_width: As *image_height*.
        height: Of the model's input.
        width: As *height*.
        scale_y: Image pixels for each input pixel, downwards.
        scale_x: As *scale_y*, to the right.
        offset_y: The image's row where the input's first one begins.
        offset_x: As *offset_y*, the column.
    """

    image_height: int
    image_width: int
    height: int
    width: int
    scale_y: float = 1.0
    scale_x: float = 1.0
    offset_y: float = 0.0
    offset_x: float = 0.0

    @classmethod
    def identity(cls, height: int, width: int) -> "Geometry":
        """Return the geometry of an image that is the input."""
        return cls(height, width, height, width)

    def scaled(self, height: int, width: int) -> "Geometry":
        """Return the geometry after scaling the input to *height* and *width*."""
        return self._changed(
            height,
            width,
            scale_y=self.scale_y * self.height / height,
            scale_x=self.scale_x * self.width / width,
        )

    def cut(self, top: int, left: int, height: int, width: int) -> "Geometry":
        """Return the geometry after cutting a window out; negative *top* or *left* is a border."""
        return self._changed(
            height,
            width,
            offset_y=self.offset_y + top * self.scale_y,
            offset_x=self.offset_x + left * self.scale_x,
        )

    def _changed(self, height: int, width: int, **places: float) -> "Geometry":
        if height * width > _MAX_PIXELS + 4 * self.image_height * self.image_width:
            raise InputError(
                f"An image of {self.image_height}x{self.image_width} pixels would become one of "
                f"{height}x{width}, which is too large.",
                "Give a smaller size, or an image that is less long and narrow.",
            )
        return replace(self, height=height, width=width, **places)  # type: ignore[arg-type]  # floats


MAX_PIXELS = 32767  # of one side of an image: the limit of OpenCV's scaling

ROUNDINGS: Mapping[str, Callable[[float], int]] = MappingProxyType(
    {"down": int, "nearest": round, "up": math.ceil}
)
"""To whole pixels; ``nearest`` takes halves to even."""


class Step(Protocol):
    """One step of a pipeline.

    A Protocol, so that a step is a small frozen value of its own. Steps compare by value.
    """

    @property
    def op(self) -> str:
        """The name of the step in the document."""

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return the changed image; *image* is (H,W,C) and must not be written to.

        Only ``layout`` returns another rank: (1,C,H,W) or (1,H,W,C). Steps that move pixels have
        ``fixed(image)``, what they do to images of that size and type, ready to be called.
        """

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the document that makes this step."""


Change = Callable[[np.ndarray], np.ndarray]

StepParser = Callable[[Fields, tuple[Step, ...]], Step]
"""Makes a step of the fields of its entry and of the steps before it; raises InputError."""


def size_in_pixels(fields: Fields) -> tuple[int, int]:
    """Return the height and width under the key ``size``; raises InputError."""
    height, width = fields.wholes("size", 2, 1, MAX_PIXELS)
    return height, width
