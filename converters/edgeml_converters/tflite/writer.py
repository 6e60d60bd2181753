"""Turns an ONNX graph into a TFLite file: prepare, plan, lay out, lower, tidy, serialize."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import onnx_ir as ir

import edgeml_converters.tflite.ops  # noqa: F401 - fills the table of operators
from edgeml_converters.graph.constants import constant_array
from edgeml_converters.graph.model import copy_model
from edgeml_converters.graph.passes import clear_shapes
from edgeml_converters.tflite.blockers import Blocker, Refusal
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.lowering import SENSELESS, lower_graph
from edgeml_converters.tflite.preparation import prepare
from edgeml_converters.tflite.registry import registered_ops
from edgeml_converters.tflite.serialization import Bytes, serialize
from edgeml_converters.tflite.storage import Storage, store
from edgeml_converters.tflite.tidying import tidy
from edgeml_runtime.errors import UnsupportedError


def write_tflite(model: ir.Model, weights: Storage = "float32") -> bytes:
    """Return the TFLite file of which `tflite_parts` returns the parts."""
    return b"".join(tflite_parts(model, weights))


def tflite_parts(model: ir.Model, weights: Storage = "float32") -> list[Bytes]:
    """Return the parts of a TFLite file that computes what an ONNX graph computes.

    They are to be written one after the other; weights among them may be views of the graph's.

    float32 graphs give float32 files. QDQ graphs (QuantizeLinear and DequantizeLinear around the
    operators, 8-bit) give integer operators with the same scales and zero points. Inputs and
    outputs keep names and types; in graphs with convolutions, pools and the like, those of rank 4
    become channels-last, unless the graph itself converts them from or to channels last.

    Args:
        model: It is not changed. A batch axis (axis 0) that is free becomes 1.
        weights: How the weights of float operators are stored: ``float16`` halves every constant
            that it can hold; ``int8`` makes large weights integers, one scale an output channel.

    Raises:
        UnsupportedError: If an axis other than the batch is free, or nodes have no TFLite form (all
            of them are listed).
    """
    with _in_words():
        emitter, blockers = _convert(model)
    if blockers:
        listed = "; ".join(str(blocker) for blocker in blockers)
        count = f"{len(blockers)} node{'s have' if len(blockers) > 1 else ' has'}"
        raise UnsupportedError(
            f"{count} no TFLite form: {listed}.",
            "Convert to ONNX only (--to onnx), or change these nodes in the source.",
        )
    with _in_words():
        tidy(emitter.program)
        store(emitter.program, weights)
        return serialize(emitter.program)


def check_convertible(model: ir.Model) -> list[Blocker]:
    """Return every node without a TFLite form, in graph order; none when it can be written.

    Raises:
        UnsupportedError: If an axis other than the batch is free.
    """
    with _in_words():
        return _convert(model)[1]


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


def _convert(model: ir.Model) -> tuple[Emitter, list[Blocker]]:
    working = copy_model(model)
    freeze_batch(working)
    return lower_graph(prepare(working).graph)


def freeze_batch(model: ir.Model) -> None:
    """Set every free batch axis to 1 and forget the computed shapes, which may depend on it.

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
            sizes[0] = 1
        if None in sizes:
            text = "x".join("?" if size is None else str(size) for size in sizes)
            raise UnsupportedError(
                f"The input {value.name} has free axes ({text}), and TFLite needs fixed ones.",
                f"Give all sizes, for example --input-shape {value.name}:"
                f"{text.replace('?', '224')}.",
            )
        value.shape = ir.Shape([int(np.asarray(size)) for size in sizes if size is not None])
    clear_shapes(model)
