"""Reshape, Flatten, Squeeze, Unsqueeze, and copies: RESHAPE, and as few as may be.

A reshape is about the order of the source. Where its input lies channels-last, it can still be read
as it is in three cases: only axes of size 1 lie elsewhere; only the spatial axes are regrouped; or
the flattened features go to matrix products with constant weights, whose columns are permuted.
"""

import math

import onnx_ir as ir

from edgeml_converters.graph.attributes import int_attribute
from edgeml_converters.graph.constants import static_shape
from edgeml_converters.graph.passes.identity import drops
from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.layout import AGNOSTIC, SOURCE, Ports
from edgeml_converters.tflite.order import Order, is_indifferent
from edgeml_converters.tflite.quantization import is_constant, is_dequantize, is_quantize
from edgeml_converters.tflite.registry import lowering
from edgeml_converters.tflite.step import Step, same_scale


def _ports(step: Step) -> Ports:
    source, target = static_shape(step.value(0)), static_shape(step.output)
    if source is None or target is None:
        return SOURCE
    if _regroups_spatial(source, target):
        return AGNOSTIC
    reads_any = is_indifferent(source) or _features(step) is not None
    return Ports(
        reads=None if reads_any else Order.SOURCE,
        writes=None if is_indifferent(target) else Order.SOURCE,
    )


def _regroups_spatial(source: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether batch and channels stay, so that either order can be kept."""
    return len(source) >= 3 and len(target) >= 3 and source[:2] == target[:2]


def _features(step: Step) -> tuple[int, ...] | None:
    """Return the shape (C, spatial...) of features that only go to constant matrices."""
    source, target = static_shape(step.value(0)), static_shape(step.output)
    if source is None or target is None or len(source) < 3:
        return None
    if target != (source[0], math.prod(source[1:])) or step.output.is_graph_output():
        return None
    return source[1:] if _read_by_matrices(step.output) else None


def _read_by_matrices(value: ir.Value) -> bool:
    """Whether all readers, behind quantization, multiply by a constant matrix."""
    if value.is_graph_output() or not value.uses():
        return False
    for use in value.uses():
        node = use.node
        if is_quantize(node) or is_dequantize(node):
            if not _read_by_matrices(node.outputs[0]):
                return False
        elif node.op_type not in {"Gemm", "MatMul"} or use.idx != 0:
            return False
        else:
            weights = node.inputs[1]
            if weights is None or not is_constant(weights) or int_attribute(node, "transA", 0):
                return False
    return True


@lowering("Identity", "Dropout", integer=same_scale)
def lower_copy(step: Step, emit: Emitter) -> None:
    """Write a RESHAPE to the shape that is there: an output of the graph that is another tensor."""
    if step.node.op_type == "Dropout" and drops(step.node):
        raise Refusal("dropout in training mode is not supported")
    if any(value.uses() or value.is_graph_output() for value in step.node.outputs[1:]):
        raise Refusal("its second output (the mask) has no TFLite form")
    emit.reshape(emit.input(step, 0), emit.output(step))


@lowering("Reshape", "Flatten", "Squeeze", "Unsqueeze", ports=_ports, integer=same_scale)
def lower_reshape(step: Step, emit: Emitter) -> None:
    """Write a RESHAPE to the shape that was inferred."""
    source, target = emit.input(step, 0), emit.output(step)
    features = _features(step)
    order = emit.layout.reads[step]
    if features is not None and order is Order.CHANNELS_LAST and not is_indifferent(step.shape()):
        emit.note_features(step.output, features)
    emit.reshape(source, target)
