"""The step ``normalize``: ``(value - mean) / std`` in float32."""

from typing import Any, ClassVar

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.errors import InputError
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.preprocess.step import Step


@dataclass(frozen=True)
class Normalize:
    """Subtracts *mean* and divides by *std*: each one value, or one for each channel."""

    op: ClassVar[str] = "normalize"
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return the image as float32."""
        channels = image.shape[-1]
        if len(self.mean) not in (1, channels) or len(self.std) not in (1, channels):
            raise InputError(
                f"The step 'normalize' has {len(self.mean)} means and {len(self.std)} stds, and "
                f"the image has {channels} channels.",
                f"Give one value or {channels}, or change the channels with 'color' before.",
            )
        shifted: np.ndarray = image.astype(np.float32) - np.array(self.mean, np.float32)
        shifted /= np.array(self.std, np.float32)
        return shifted

    def to_json(self) -> dict[str, Any]:
        """Return the step's entry."""
        return {"op": self.op, "mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def parse(cls, fields: Fields, before: tuple[Step, ...]) -> "Normalize":
        """Return the step of an entry; see ``StepParser``."""
        std = fields.numbers("std")
        if any(np.float32(value) <= 0.0 for value in std):
            raise fields.fault(f"'std' is {list(std)}, and must be above 0")
        if any(isinstance(step, Normalize) for step in before):
            raise fields.fault("the image is normalized already by an earlier step")
        return cls(fields.numbers("mean"), std)
