"""The step ``letterbox``: fitted into a size with the aspect ratio kept, and a border around."""

from typing import Any, ClassVar

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.preprocess.geometry import Geometry
from edgeml_runtime.preprocess.interpolation import Kernel, kernel_json, parse_kernel, scaling
from edgeml_runtime.preprocess.pad import ALIGNMENTS, Amounts, margins, with_border
from edgeml_runtime.preprocess.step import ROUNDINGS, Change, Step, size_in_pixels

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
