"""The step ``layout``: the order of the axes, and the batch axis."""

from typing import Any, ClassVar

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.preprocess.step import Step

_LAYOUTS = ("NCHW", "NHWC")


@dataclass(frozen=True)
class Layout:
    """Adds the batch axis and orders the others as *to*, ``NCHW`` or ``NHWC``, says."""

    op: ClassVar[str] = "layout"
    to: str

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return (1,C,H,W) or (1,H,W,C), contiguous in memory as engines want it."""
        ordered = image.transpose(2, 0, 1) if self.to == "NCHW" else image
        return np.ascontiguousarray(ordered)[np.newaxis]

    def to_json(self) -> dict[str, Any]:
        """Return the step's entry."""
        return {"op": self.op, "to": self.to}

    @classmethod
    def parse(cls, fields: Fields, before: tuple[Step, ...]) -> "Layout":  # noqa: ARG003 - StepParser
        """Return the step of an entry; see ``StepParser``."""
        return cls(fields.choice("to", _LAYOUTS))
