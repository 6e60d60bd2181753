"""Turns an ONNX graph into a TFLite file: prepare, plan, lay out, lower, tidy, serialize."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

import edgeml_converters.tflite.ops  # noqa: F401 - fills the table of operators
from edgeml_converters.graph.constants import constant_array
from edgeml_converters.graph.model import copy_model
from edgeml_converters.graph.passes import clear_shapes
from edgeml_converters.quantize.summary import ON_SYNTHETIC, on_synthetic
from edgeml_converters.tflite.batch import free_batch
from edgeml_converters.tflite.blockers import Blocker, Refusal
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.lowering import SENSELESS, lower_graph
from edgeml_converters.tflite.preparation import prepare
from edgeml_converters.tflite.program import Program
from edgeml_converters.tflite.registry import registered_ops
from edgeml_converters.tflite.serialization import DESCRIPTION, Bytes, serialize
from edgeml_converters.tflite.storage import Storage, store
from edgeml_converters.tflite.tidying import tidy
from edgeml_runtime.errors import UnsupportedError


@dataclass(frozen=True)
class TfliteFile:
    """A TFLite file, and what was lost on the way.

    Args:
        parts: Its bytes, to be written one after the other; weights among them may be views of the
            graph's.
        notes: Sentences.
    """

    parts: Sequence[Bytes]
    notes: tuple[str, ...] = ()

    @property
    def data(self) -> bytes:
        """All of its bytes."""
        return b"".join(self.parts)


def write_tflite(model: ir.Model, weights: Storage = "float32") -> bytes:
    """Return a TFLite file that computes what an ONNX graph computes; see `convert_tflite`."""
    return convert_tflite(model, weights).data


def convert_tflite(model: ir.Model, weights: Storage = "float32") -> TfliteFile:
    """Write a TFLite file that computes what an ONNX graph computes.

    float32 graphs give float32 files. QDQ graphs (QuantizeLinear and DequantizeLinear around the
    operators, 8-bit) give integer operators with the same scales and zero points. Inputs and
    outputs keep names and types; in graphs with convolutions, pools and the like, those of rank 4
    become channels-last, unless the graph itself converts them from or to channels last.

    Args:
        model: It is not changed. A batch axis (axis 0) that is free stays so where no operator
            holds its size, at no cost; else it becomes 1, and a note says why.
        weights: How the weights of float operators are stored: ``float16`` halves every constant
            that it can hold; ``int8`` makes large weights integers, one scale an output channel.

    Raises:
        UnsupportedError: If an axis other than the batch is free, or nodes have no TFLite form (all
            of them are listed).
    """
    with _in_words():
        emitter, blockers = _convert(model, batch=1)
    if blockers:
        listed = "; ".join(str(blocker) for blocker in blockers)
        count = f"{len(blockers)} node{'s have' if len(blockers) > 1 else ' has'}"
        raise UnsupportedError(
            f"{count} no TFLite form: {listed}.",
            "Convert to ONNX only (--to onnx), or change these nodes in the source.",
        )
    with _in_words():
        tidy(emitter.program)
        holder = _free_batch(model, emitter.program) if has_free_batch(model) else ""
        notes = (f"The batch of the TFLite file is 1: {holder}.",) if holder else ()
        store(emitter.program, weights)
        return TfliteFile(serialize(emitter.program, _description(model)), notes)


def _description(model: ir.Model) -> str:
    return f"{DESCRIPTION}; {ON_SYNTHETIC}" if on_synthetic(model) else DESCRIPTION


def _free_batch(model: ir.Model, program: Program) -> str:
    """Leave the batch open where it can be; return what holds it, in words."""
    try:
        twin, blockers = _convert(model, batch=2)
    except (Refusal, UnsupportedError, *SENSELESS):
        return "a batch of 2 has no TFLite form"
    if blockers:
        return f"a batch of 2 has no TFLite form: {blockers[0]}"
    tidy(twin.program)
    return free_batch(program, twin.program)


def check_convertible(model: ir.Model) -> list[Blocker]:
    """Return every node without a TFLite form, in graph order; none when it can be written.

    Raises:
        UnsupportedError: If an axis other than the batch is free.
    """
    with _in_words():
        return _convert(model, batch=1)[1]


def supported_ops() -> tuple[str, ...]:
    """Return the names of the ONNX operators that can be written, sorted."""
    return registered_ops()


@contextmanager
def _in_words() -> Iterator[None]:
    """Put into words what stops the whole, and what numbers that make no sense raise."""
    try:
        yield
    except Refusal as refusal:
        raise UnsupportedError(
            f"The graph has no TFLite form: {refusal}.",
            "Convert to ONNX only, or change that in the source.",
        ) from refusal
    except SENSELESS as error:
        raise UnsupportedError(
            f"The graph has no TFLite form: its sizes do not make sense ({error}).",
            "Check the model in its own framework, and export it again.",
        ) from error


def _convert(model: ir.Model, batch: int) -> tuple[Emitter, list[Blocker]]:
    working = copy_model(model)
    freeze_batch(working, batch)
    return lower_graph(prepare(working).graph)


def has_free_batch(model: ir.Model) -> bool:
    """Whether the first axis of an input is free."""
    shapes = (value.shape for value in model.graph.inputs if not value.is_initializer())
    return any(
        shape is not None and len(shape) and not isinstance(shape[0], int) for shape in shapes
    )


def freeze_batch(model: ir.Model, batch: int) -> None:
    """Set every free batch axis to a size and forget the computed shapes, which may depend on it.

    Raises:
        UnsupportedError: If any other axis of an input is free.
    """
    for value in model.graph.inputs:
        if constant_array(value) is not None or value.is_initializer():
            continue
        if value.shape is None:
            raise UnsupportedError(
                f"The input {value.name} has no shape.",
                f"Give it one, for example --input-shape {value.name}:1x3x224x224.",
            )
        sizes = [size if isinstance(size, int) else None for size in value.shape]
        if sizes and sizes[0] is None:
            sizes[0] = batch
        if None in sizes:
            text = "x".join("?" if size is None else str(size) for size in sizes)
            raise UnsupportedError(
                f"The input {value.name} has free axes ({text}), and TFLite needs fixed ones.",
                f"Give all sizes, for example --input-shape {value.name}:"
                f"{text.replace('?', '224')}.",
            )
        value.shape = ir.Shape([int(np.asarray(size)) for size in sizes if size is not None])
    clear_shapes(model)
