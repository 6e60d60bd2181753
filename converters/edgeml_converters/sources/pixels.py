"""A source that is fed the bytes of an image: the end of its preprocessing becomes part of it.

What is folded are the steps at the end that change each pixel by itself: ``color`` between RGB and
BGR, ``cast`` to float32, ``normalize``, ``layout``. What resizes, crops or pads stays, and ends in
uint8 RGB.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph import copy_model, optimize
from edgeml_converters.graph.pixel_entry import PIXEL_OFFSET, Preparation, enter_pixels
from edgeml_converters.sources.source_model import SourceModel
from edgeml_runtime.engines import Engine
from edgeml_runtime.errors import InputError
from edgeml_runtime.preprocess import SCHEMA, Pipeline
from edgeml_runtime.tensors import TensorSpec

_PIXELWISE = ("cast", "color", "layout", "normalize")
_NAMED = "--fold-preprocess"
Step = Mapping[str, Any]


@dataclass(frozen=True)
class PixelSource:
    """A source with folded preprocessing.

    Args:
        source: Reads uint8 (1, height, width, channels); its reference is the given source behind
            the folded steps, as the runtime computes them.
        pipeline: The steps that stay, ending in ``layout`` to NHWC.
        inner: The given source.
        preparation: What is folded.
    """

    source: SourceModel
    pipeline: Pipeline
    inner: SourceModel = field(repr=False)
    preparation: Preparation

    def integer_graph(self) -> ir.Model:
        """Return the graph that is to be quantized, of pixels as floats."""
        return _entered(self.inner, self.preparation, integers=True)[0]


def fold_preprocess(source: SourceModel, pipeline: Pipeline) -> PixelSource:
    """Return *source* with the end of *pipeline* folded into it.

    Raises:
        InputError: The model reads no single image, or the steps are in an order that cannot be
            told apart; says which.
    """
    spec = _image(source)
    steps = pipeline.to_json()["step"]
    kept = _kept(steps)
    channels = spec.shape[1] if spec.layout == "NCHW" else spec.shape[3]
    assert channels is not None, "an image of the source has its channels"
    preparation = _preparation(steps[len(kept) :], _order(kept), channels)
    tail = Pipeline.from_json({"schema": SCHEMA, "step": steps[len(kept) :]})
    height, width = spec.shape[2:] if spec.layout == "NCHW" else spec.shape[1:3]
    pixels = TensorSpec(spec.name, (1, height, width, channels), "uint8", "NHWC")
    last = tail.with_layout(spec.layout)
    folded = _entered(source, preparation, integers=False)[1]
    left = (
        ""
        if folded
        else (
            "The network does not start with a plain convolution: the folded steps are operators "
            "of their own before it."
        )
    )
    return PixelSource(
        source=replace(
            source,
            open_graph=lambda: _entered(source, preparation, integers=False)[0],
            inputs=(pixels,),
            open_reference=lambda: _Reference(source.reference(), pixels, last),
            notes=(*source.notes, left) if left else source.notes,
            provenance={**source.provenance, "folded_preprocess": steps[len(kept) :]},
            native=None,
        ),
        pipeline=Pipeline.from_json({"schema": SCHEMA, "step": kept}).with_layout("NHWC"),
        inner=source,
        preparation=preparation,
    )


class PixelSamples:
    """Samples of bytes as a graph of pixels reads them; may be read again.

    Args:
        samples: Of uint8.
        graph: What reads them.
    """

    def __init__(self, samples: Iterable[Mapping[str, np.ndarray]], graph: ir.Model) -> None:
        self._samples = samples
        self._offset = np.float32(graph.graph.inputs[0].metadata_props[PIXEL_OFFSET])

    def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
        for sample in self._samples:
            yield {name: image.astype(np.float32) - self._offset for name, image in sample.items()}


class _Reference:
    """The given source behind the folded steps; the contract is that of ``Engine``."""

    def __init__(self, engine: Engine, pixels: TensorSpec, steps: Pipeline) -> None:
        self._engine = engine
        self._steps = steps
        self.inputs = (pixels,)
        self.name, self.version, self.threads = engine.name, engine.version, engine.threads
        self.outputs = engine.outputs

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return all outputs by name; see ``Engine.run``."""
        ((name, images),) = inputs.items()
        return self._engine.run({name: np.concatenate([self._steps(image) for image in images])})

    def close(self) -> None:
        """Release the source."""
        self._engine.close()


def _entered(
    source: SourceModel, preparation: Preparation, *, integers: bool
) -> tuple[ir.Model, bool]:
    graph = copy_model(optimize(source.graph))
    folded = enter_pixels(graph, source.inputs[0].layout, preparation, integers=integers)
    return graph, folded


def _image(source: SourceModel) -> TensorSpec:
    spec = source.inputs[0]
    channels = {"NCHW": 1, "NHWC": 3}.get(spec.layout)
    fits = len(source.inputs) == 1 and spec.dtype == "float32" and channels is not None
    if not fits or channels is None or spec.shape[channels] not in (1, 3):
        shown = ", ".join(f"{i.name} {i.dtype} {list(i.shape)}" for i in source.inputs)
        raise InputError(
            f"{_NAMED} wants a model of one float32 image of 1 or 3 channels, and "
            f"{source.path} reads {shown}.",
            f"Leave {_NAMED} out.",
        )
    if spec.shape[0] not in (None, 1) or None in spec.shape[1:]:
        raise InputError(
            f"{_NAMED} wants one image of a fixed size at a time, and '{spec.name}' is "
            f"{list(spec.shape)}.",
            "Give the sizes with --input-shape.",
        )
    return spec


def _kept(steps: list[Step]) -> list[Step]:
    """Return the steps that stay: all before the last ones that are pixel by pixel."""
    count = len(steps)
    while count and steps[count - 1]["op"] in _PIXELWISE and steps[count - 1].get("to") != "gray":
        count -= 1
    for number, step in enumerate(steps[:count], 1):
        if step["op"] == "normalize" or step.get("to") in {"float32", "int8"}:
            raise InputError(
                f"{_NAMED} wants '{step['op']}' (step {number}) after what resizes, crops or pads.",
                f"Put it last, or leave {_NAMED} out.",
            )
    for number, step in enumerate(steps[count:], count + 1):
        if step["op"] == "cast" and step["to"] != "float32":
            raise InputError(
                f"{_NAMED} cannot fold a cast to {step['to']} (step {number}).",
                f"Leave {_NAMED} out.",
            )
    return list(steps[:count])


def _order(kept: list[Step]) -> str:
    """Return the order of channels after the steps that stay."""
    colors = [step["to"] for step in kept if step["op"] == "color"]
    return colors[-1] if colors else "RGB"


def _preparation(steps: list[Step], order: str, channels: int) -> Preparation:
    """Return what the folded steps do, channel by channel."""
    place, current = np.arange(channels), order
    factor, offset = np.ones(channels), np.zeros(channels)
    for step in _known(steps, channels):
        if step["op"] == "color":
            if step["to"] != current and current != "gray":
                place, factor, offset = place[::-1], factor[::-1], offset[::-1]
            current = step["to"]
        elif step["op"] == "normalize":
            factor = factor / np.array(step["std"])
            offset = (offset - np.array(step["mean"])) / np.array(step["std"])
    return Preparation(tuple(place.tolist()), tuple(factor.tolist()), tuple(offset.tolist()))


def _known(steps: list[Step], channels: int) -> Iterator[Step]:
    for step in steps:
        if step["op"] == "color" and channels == 1:
            raise InputError(
                f"{_NAMED} cannot fold 'color' to {step['to']} for an image of one channel.",
                "Put it before what resizes, crops or pads.",
            )
        yield step
