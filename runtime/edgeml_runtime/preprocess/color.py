"""The step ``color``: the order and number of color channels."""

from typing import Any, ClassVar

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.errors import InputError
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.preprocess.cast import rounded
from edgeml_runtime.preprocess.step import Step

_ORDERS = ("RGB", "BGR", "gray")
_RGB_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)  # luma of ITU-R BT.601


@dataclass(frozen=True)
class Color:
    """Converts to *to*: ``RGB``, ``BGR`` or ``gray``.

    A gray image becomes three equal channels, and a color image one channel of BT.601 luma.

    Args:
        to: The wanted order.
        source: The order at this place of the chain; images enter it as RGB.
    """

    op: ClassVar[str] = "color"
    to: str
    source: str = "RGB"

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return the image (H,W,3) or (H,W,1) in the wanted order, of the same element type."""
        channels = image.shape[2]
        if channels not in (1, 3):
            raise InputError(
                f"The step 'color' got an image of {channels} channels.",
                "Give an image of 3 channels (RGB) or 1 (gray).",
            )
        if channels == 1:
            return image if self.to == "gray" else np.repeat(image, 3, axis=2)
        if self.to == "gray":
            weights = _RGB_WEIGHTS if self.source == "RGB" else _RGB_WEIGHTS[::-1]
            luma = image.astype(np.float32) @ weights
            return rounded(luma[:, :, np.newaxis], image.dtype.name)
        return image if self.to == self.source else image[:, :, ::-1]

    def to_json(self) -> dict[str, Any]:
        """Return the step's entry."""
        return {"op": self.op, "to": self.to}

    @classmethod
    def parse(cls, fields: Fields, before: tuple[Step, ...]) -> "Color":
        """Return the step of an entry; see ``StepParser``."""
        earlier = [step.to for step in before if isinstance(step, Color)]
        return cls(fields.choice("to", _ORDERS), earlier[-1] if earlier else "RGB")
