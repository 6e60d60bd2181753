"""The step ``resize``: to a size, or to the length of one side with the aspect ratio kept."""

from typing import Any, ClassVar, Optional

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.preprocess.geometry import Geometry
from edgeml_runtime.preprocess.interpolation import Kernel, kernel_json, parse_kernel, scaling
from edgeml_runtime.preprocess.step import MAX_PIXELS, ROUNDINGS, Change, Step, size_in_pixels

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
