"""The step ``cast``: another element type."""

from typing import Any, ClassVar

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.preprocess.step import Step

_DTYPES = ("float32", "int8", "uint8")


@dataclass(frozen=True)
class Cast:
    """Converts to *to*; to integers by rounding half to even and clipping to the range."""

    op: ClassVar[str] = "cast"
    to: str

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return the image with the other element type."""
        return rounded(image, self.to)

    def to_json(self) -> dict[str, Any]:
        """Return the step's entry."""
        return {"op": self.op, "to": self.to}

    @classmethod
    def parse(cls, fields: Fields, before: tuple[Step, ...]) -> "Cast":  # noqa: ARG003 - StepParser
        """Return the step of an entry; see ``StepParser``."""
        return cls(fields.choice("to", _DTYPES))


def rounded(image: np.ndarray, dtype: str) -> np.ndarray:
    """Return *image* as *dtype*: integers are rounded half to even and clipped to the range."""
    if image.dtype.name == dtype:
        return image
    if np.dtype(dtype).kind == "f":
        return image.astype(dtype)
    limits = np.iinfo(dtype)
    whole = np.rint(image) if image.dtype.kind == "f" else image
    clipped: np.ndarray = np.clip(whole, limits.min, limits.max)
    return clipped.astype(dtype)
