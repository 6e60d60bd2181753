"""Reductions over axes, and the places of extremes."""

from edgeml_converters.tflite_import.emitter import Emitter
from edgeml_converters.tflite_import.layout import AGNOSTIC, FILE, Ports
from edgeml_converters.tflite_import.order import Order
from edgeml_converters.tflite_import.registry import importing
from edgeml_converters.tflite_import.step import Step

_OPS = {
    "MEAN": "ReduceMean",
    "REDUCE_MAX": "ReduceMax",
    "REDUCE_MIN": "ReduceMin",
    "REDUCE_PROD": "ReduceProd",
    "SUM": "ReduceSum",
}


def _axes(step: Step) -> tuple[int, ...]:
    rank = len(step.input().shape)
    return tuple(sorted({axis % rank for axis in step.integers(1)}))


def _ports(step: Step) -> Ports:
    """Either order where the axes that are left come out in an order that the output can have."""
    if step.flag("keep_dims"):
        return AGNOSTIC
    rank, reduced = len(step.input().shape), _axes(step)
    left = [axis for axis in Order.CHANNELS_FIRST.permutation(rank) if axis not in reduced]
    return Ports(None, Order.FILE) if left == sorted(left) else FILE


@importing(*_OPS, ports=_ports)
def raise_reduction(step: Step, emit: Emitter) -> None:
    """Add a reduction; the mean over an image's height and width is a GlobalAveragePool."""
    op_type, rank = _OPS[step.operator.code], len(step.input().shape)
    order, keeps = emit.layout.reads[step], step.flag("keep_dims")
    places = sorted(order.place(axis, rank) for axis in _axes(step))
    value = emit.input(step)
    if op_type == "ReduceMean" and rank == 4 and places == [2, 3]:
        made = emit.node("GlobalAveragePool", value)
        if not keeps:
            made = emit.reshaped(emit.rounded(made, step.output), step.output.shape)
    elif op_type == "ReduceSum":
        made = emit.node(op_type, value, emit.integers("axes", places), keepdims=int(keeps))
    else:
        made = emit.node(op_type, value, axes=places, keepdims=int(keeps))
    emit.output(step, made)


@importing("ARG_MAX", "ARG_MIN")
def raise_arg(step: Step, emit: Emitter) -> None:
    """Add an ArgMax or ArgMin, as wide as the file's integers."""
    (axis,) = step.integers(1)
    op_type = "ArgMax" if step.operator.code == "ARG_MAX" else "ArgMin"
    made = emit.node(op_type, emit.input(step), axis=axis, keepdims=0)
    if step.output.dtype.name != "int64":
        made = emit.node("Cast", made, to=6)  # TensorProto.INT32
    emit.output(step, made)


@importing("CUMSUM")
def raise_cumsum(step: Step, emit: Emitter) -> None:
    """Add a CumSum."""
    made = emit.node(
        "CumSum",
        emit.input(step),
        emit.reshaped(emit.integers("axis", step.integers(1)), ()),
        exclusive=int(step.flag("exclusive")),
        reverse=int(step.flag("reverse")),
    )
    emit.output(step, made)
