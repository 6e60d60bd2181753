"""What a preprocessing step is."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Callable, Protocol

import numpy as np

from edgeml_runtime.document import Fields

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
