"""Softmax: SOFTMAX, which works over the last axis in memory.

Before opset 13 the operator flattens all axes from ``axis`` on into one and normalizes over that
(https://onnx.ai/onnx/operators/onnx__Softmax.html); since then it normalizes over ``axis`` alone.
"""

import math

from edgeml_converters.graph.attributes import int_attribute, opset
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.layout import SOURCE, Ports
from edgeml_converters.tflite.order import Order
from edgeml_converters.tflite.registry import lowering
from edgeml_converters.tflite.step import Step, fixed_output, shape_of


def _axis(step: Step, rank: int) -> int:
    return int_attribute(step.node, "axis", -1 if opset(step.node) >= 13 else 1) % rank


def _flattens(step: Step, shape: tuple[int, ...]) -> bool:
    """Whether more than one axis is normalized over together."""
    axis = _axis(step, len(shape))
    return opset(step.node) < 13 and math.prod(shape[axis + 1 :]) != 1


def _ports(step: Step) -> Ports:
    known = step.value(0).shape
    if known is None or not known.is_static():
        return SOURCE
    shape = shape_of(step.value(0))
    rank = len(shape)
    if rank >= 3 and _axis(step, rank) == 1 and not _flattens(step, shape):
        return Ports(Order.CHANNELS_LAST, Order.CHANNELS_LAST)
    return SOURCE


@lowering("Softmax", ports=_ports, integer=fixed_output(1 / 256, -128))
def lower_softmax(step: Step, emit: Emitter) -> None:
    """Write a softmax; another axis than the last is brought there and back."""
    source, target = emit.input(step, 0), emit.output(step)
    rank = len(source.shape)
    if _flattens(step, step.shape()):
        axis = _axis(step, rank)
        rows = (math.prod(source.shape[:axis]), math.prod(source.shape[axis:]))
        flat, result = emit.like(source, "rows", rows), emit.like(target, "rows", rows)
        emit.reshape(source, flat)
        emit.operator("SOFTMAX", [flat], [result], beta=1.0)
        emit.reshape(result, target)
        return
    place = emit.layout.reads[step].place(_axis(step, rank), rank)
    if place == rank - 1:
        emit.operator("SOFTMAX", [source], [target], beta=1.0)
        return
    swap = list(range(rank))
    swap[place], swap[-1] = swap[-1], swap[place]
    shape = tuple(source.shape[axis] for axis in swap)
    turned, result = emit.like(source, "turned", shape), emit.like(target, "turned", shape)
    emit.transpose(source, turned, tuple(swap))
    emit.operator("SOFTMAX", [turned], [result], beta=1.0)
    emit.transpose(result, target, tuple(swap))
