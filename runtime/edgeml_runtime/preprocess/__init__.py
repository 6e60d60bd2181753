"""Preprocessing as data: one chain of steps for calibration, evaluation and the board.

The document ``edgeml.preprocess/1`` is ``{"schema": ..., "step": [{"op": ..., ...}, ...]}``, as
TOML or as JSON. To add a step, write a class and add a line to ``_STEPS``; its module is imported
when a document names it.
"""

import importlib
import math
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Callable, Optional, Protocol

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.errors import InputError
from edgeml_runtime.frozen import dataclass, replace

if TYPE_CHECKING:
    from edgeml_runtime.preprocess.chain import Chain
    from edgeml_runtime.preprocess.window import Window

_MOST_PIXELS = 2**24  # of an input that is made larger than its image


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
        if height * width > _MOST_PIXELS + 4 * self.image_height * self.image_width:
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


SCHEMA = "edgeml.preprocess/1"

_REMEDY = "Correct the preprocessing; see runtime/README.md for the steps and their keys."

_STEPS: Mapping[str, str] = MappingProxyType(  # to "module:class"
    {
        "cast": "pixels:Cast",
        "center_crop": "frames:CenterCrop",
        "color": "pixels:Color",
        "crop": "frames:Crop",
        "layout": "pixels:Layout",
        "letterbox": "frames:Letterbox",
        "normalize": "pixels:Normalize",
        "pad": "frames:Pad",
        "resize": "scaling:Resize",
    }
)
_SIGNAL_STEPS: Mapping[str, str] = MappingProxyType(
    {
        "cast": "pixels:Cast",
        "layout": "window:SignalLayout",
        "log_mel": "spectrum:Spectrum",
        "mfcc": "spectrum:Spectrum",
        "normalize": "pixels:Normalize",
        "spectrogram": "spectrum:Spectrum",
        "standardize": "window:Standardize",
        "window": "window:Window",
    }
)


class Pipeline:
    """A chain of steps from one image to one model input.

    Made by ``from_json``. Pipelines with equal steps are equal.
    """

    def __init__(
        self, steps: tuple[Step, ...], encode: Optional[Change] = None, *, reuse: bool = False
    ) -> None:
        self._steps = steps
        self._placed = lru_cache(maxsize=16)(self._place)
        first: Any = steps[0] if steps else None
        is_window = first is not None and first.op == "window"
        self.window: Optional[Window] = first if is_window else None
        """How a signal is cut; None where the chain is for images."""
        self._encode = encode
        self._reuse = reuse
        self._chain: Optional[Chain] = None  # made when an image comes

    def __call__(self, value: np.ndarray) -> np.ndarray:
        """Return the model input for one image.

        Args:
            value: An RGB image (H,W,3), or a gray one (H,W) or (H,W,1); uint8 or float. Or one
                window of a signal, (T,) or (T,C), where the chain begins with ``window``.

        Returns:
            The input with a batch axis of 1: (1,C,H,W) when the chain ends in ``layout`` to NCHW,
            else (1,H,W,C); of a signal as its ``layout`` says, else (1,T,C).

        Raises:
            InputError: *value* is no image, or a step cannot be applied to it.
            MissingToolError: A step needs OpenCV and it is not installed.
        """
        if self.window is not None:
            for step in self._steps:
                value = step(value)
            return value if self.output_layout else value[np.newaxis]
        image = value[:, :, np.newaxis] if value.ndim == 2 else value
        chain = self._chain or self._made_chain()
        plan = chain.plans.get((image.shape, image.dtype))
        if plan is not None:
            for change in plan:
                image = change(image)
            return image
        if value.ndim not in (2, 3) or 0 in value.shape or value.dtype.kind not in "fiu":
            raise InputError(
                f"The sample is {value.dtype.name} with the shape {value.shape}, not an image.",
                "Give one image of height x width x channels, or height x width.",
            )
        self.geometry(image.shape[0], image.shape[1])  # refuses what would fill the memory
        return chain(image)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pipeline) and self._steps == other._steps

    def __hash__(self) -> int:
        return hash(self._steps)

    def __repr__(self) -> str:
        return f"Pipeline({', '.join(step.op for step in self._steps)})"

    def geometry(self, height: int, width: int) -> Geometry:
        """Return where the pixels of the model input lie in an image of *height* and *width*."""
        return self._placed(height, width)

    def _place(self, height: int, width: int) -> Geometry:
        geometry = Geometry.identity(height, width)
        for step in self._steps:
            move = getattr(step, "moved", None)
            geometry = geometry if move is None else move(geometry)
        return geometry

    def _made_chain(self) -> "Chain":
        from edgeml_runtime.preprocess.chain import Chain  # noqa: PLC0415 - not to load a model

        self._chain = Chain(self._steps, self._encode, reuse=self._reuse)
        return self._chain

    @property
    def output_layout(self) -> str:
        """The axes, such as ``NCHW``, as its ``layout`` step says; empty when it has none."""
        layouts = [step.to_json()["to"] for step in self._steps if step.op == "layout"]
        return layouts[-1] if layouts else ""

    def with_layout(self, layout: str) -> "Pipeline":
        """Return the same chain ending in *layout* (``NCHW`` or ``NHWC``).

        Its ``layout`` step is replaced, or added when it has none, so that no axes are moved twice.
        """
        wanted = _parser(_STEPS["layout"])(Fields({"to": layout}, "layout", _REMEDY), ())
        if not self.output_layout:
            return Pipeline((*self._steps, wanted))
        return Pipeline(tuple(wanted if step.op == "layout" else step for step in self._steps))

    def encoded(self, encode: Change) -> "Pipeline":
        """Return the same chain with *encode*, which is done to each value, at its end.

        It is for one thread, and what it returns is valid until it is called again.
        """
        return Pipeline(self._steps, encode, reuse=True)

    def to_json(self) -> dict[str, Any]:
        """Return the ``edgeml.preprocess/1`` document."""
        return {"schema": SCHEMA, "step": [step.to_json() for step in self._steps]}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Pipeline":
        """Return the pipeline of an ``edgeml.preprocess/1`` document.

        Raises:
            InputError: An unknown schema, step, key or value, or an order of steps that cannot
                work; names the step by number (from 1), the key and what is allowed.
        """
        fields = Fields(document, "preprocess", _REMEDY)
        fields.choice("schema", (SCHEMA,))
        entries = [
            Fields(entry, f"preprocess, step {number}", _REMEDY)
            for number, entry in enumerate(fields.items("step"), start=1)
        ]
        hears = bool(entries) and entries[0].text("op", "") == "window"
        known = _SIGNAL_STEPS if hears else _STEPS
        steps: list[Step] = []
        for step_fields in entries:
            op = step_fields.text("op")
            if op not in known and op in _STEPS:
                raise step_fields.fault(
                    f"'{op}' is for images, and 'window' begins a signal's chain"
                )
            if op not in known and op in _SIGNAL_STEPS:
                raise step_fields.fault(f"'{op}' is for signals, whose chain begins with 'window'")
            op = step_fields.choice("op", sorted(known))
            step = _parser(known[op])(step_fields, tuple(steps))
            step_fields.nothing_else()
            if any(earlier.op == "layout" for earlier in steps) and op != "cast":
                raise step_fields.fault(f"'{op}' follows 'layout', and only 'cast' may")
            steps.append(step)
        fields.nothing_else()
        return cls(tuple(steps))


def _parser(place: str) -> StepParser:
    module, _, name = place.partition(":")
    step = getattr(importlib.import_module(f"edgeml_runtime.preprocess.{module}"), name)
    parser: StepParser = step.parse
    return parser
