"""The steps that leave pixels where they are: ``cast``, ``color``, ``normalize``, ``layout``."""

from typing import Any, ClassVar

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.errors import InputError
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.preprocess import Step

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
