"""Where the pixels of a model's input lie in the image that it was made of."""

from typing import Any

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

    def _changed(self, height: int, width: int, **places: Any) -> "Geometry":  # noqa: ANN401 - as of replace
        if height * width > _MAX_PIXELS + 4 * self.image_height * self.image_width:
            raise InputError(
                f"An image of {self.image_height}x{self.image_width} pixels would become one of "
                f"{height}x{width}, which is too large.",
                "Give a smaller size, or an image that is less long and narrow.",
            )
        return replace(self, height=height, width=width, **places)
