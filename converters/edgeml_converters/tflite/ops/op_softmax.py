"""Softmax and its logarithm: SOFTMAX and LOG_SOFTMAX, which work over the last axis in memory."""

from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.layout import SOURCE, Ports
from edgeml_converters.tflite.ops.axes import normalized_axis, normalizes_rows, over_normalized_axis
from edgeml_converters.tflite.order import Order
from edgeml_converters.tflite.registry import lowering
from edgeml_converters.tflite.step import Step, fixed_output, shape_of


def _ports(step: Step) -> Ports:
    known = step.value(0).shape
    if known is None or not known.is_static():
        return SOURCE
    rank = len(shape_of(step.value(0)))
    if rank >= 3 and normalized_axis(step) == 1 and not normalizes_rows(step):
        return Ports(Order.CHANNELS_LAST, Order.CHANNELS_LAST)
    return SOURCE


@lowering("Softmax", ports=_ports, integer=fixed_output(1 / 256, -128))
def lower_softmax(step: Step, emit: Emitter) -> None:
    """Write a softmax."""
    with over_normalized_axis(step, emit) as (source, target):
        emit.operator("SOFTMAX", [source], [target], beta=1.0)


@lowering("LogSoftmax", ports=_ports)
def lower_log_softmax(step: Step, emit: Emitter) -> None:
    """Write the logarithm of a softmax."""
    with over_normalized_axis(step, emit) as (source, target):
        emit.operator("LOG_SOFTMAX", [source], [target])
