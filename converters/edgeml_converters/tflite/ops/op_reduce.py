"""Reductions over axes, and the pools that reduce a whole image."""

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.attributes import axes, axes_are_constant, int_attribute
from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.layout import AGNOSTIC, SOURCE, Ports
from edgeml_converters.tflite.order import Order
from edgeml_converters.tflite.registry import lowering
from edgeml_converters.tflite.step import Step, any_scale, same_scale_written

_CODES = {
    "GlobalAveragePool": "MEAN",
    "GlobalMaxPool": "REDUCE_MAX",
    "ReduceMax": "REDUCE_MAX",
    "ReduceMean": "MEAN",
    "ReduceMin": "REDUCE_MIN",
    "ReduceProd": "REDUCE_PROD",
    "ReduceSum": "SUM",
}


def _reduced(step: Step) -> tuple[int, ...]:
    """Return the ONNX axes that are reduced, sorted."""
    rank = len(step.shape())
    if step.node.op_type.startswith("Global"):
        return tuple(range(2, rank))
    if not axes_are_constant(step.node):
        raise Refusal("axes that are computed at run time are not supported")
    given = axes(step.node)
    if given is None:
        return () if int_attribute(step.node, "noop_with_empty_axes", 0) else tuple(range(rank))
    return tuple(sorted(axis % rank for axis in given))


def _keeps(step: Step) -> bool:
    return step.node.op_type.startswith("Global") or bool(int_attribute(step.node, "keepdims", 1))


def _ports(step: Step) -> Ports:
    """Either order where what is left comes out in an order that the output can have."""
    try:
        shape, reduced = step.shape(), _reduced(step)
    except Refusal:
        return SOURCE
    if _keeps(step):
        return AGNOSTIC
    left = [axis for axis in range(len(shape)) if axis not in reduced]
    lying = [a for a in Order.CHANNELS_LAST.permutation(len(shape)) if a not in reduced]
    if lying == left:
        return Ports(None, Order.SOURCE)
    wanted = [left[axis] for axis in Order.CHANNELS_LAST.permutation(len(left))]
    return AGNOSTIC if lying == wanted else SOURCE


def _lower(step: Step, emit: Emitter, code: str = "") -> None:
    source, target = emit.input(step, 0), emit.output(step)
    reduced = _reduced(step)
    if 0 in source.shape and step.node.op_type != "ReduceSum":
        raise Refusal("a reduction of no elements has no TFLite form")
    if not reduced:
        emit.reshape(source, target)
        return
    order, rank = emit.layout.reads[step], len(source.shape)
    places = np.array(sorted(order.place(axis, rank) for axis in reduced), np.int32)
    emit.operator(
        code or _CODES[step.node.op_type],
        [source, emit.constant(f"{target.name}/axes", places)],
        [target],
        keep_dims=_keeps(step),
    )


@lowering("GlobalAveragePool", "ReduceMean", ports=_ports, integer=any_scale)
def lower_mean(step: Step, emit: Emitter) -> None:
    """Write a mean; its int8 form rescales."""
    _lower(step, emit)


@lowering("ReduceSum", ports=_ports, integer=any_scale)
def lower_sum(step: Step, emit: Emitter) -> None:
    """Write a sum over axes; its int8 form rescales."""
    _lower(step, emit)


@lowering("ReduceProd", ports=_ports)
def lower_product(step: Step, emit: Emitter) -> None:
    """Write a product over axes."""
    _lower(step, emit)


@lowering("GlobalMaxPool", "ReduceMax", "ReduceMin", ports=_ports, integer=same_scale_written)
def lower_extreme(step: Step, emit: Emitter) -> None:
    """Write the greatest or least element over axes; its int8 form cannot rescale."""
    if step.value(0).dtype == ir.DataType.BOOL:
        _lower(step, emit, "REDUCE_ALL" if step.node.op_type == "ReduceMin" else "REDUCE_ANY")
    else:
        _lower(step, emit)
