"""Transpose: nothing at all where the layout already did it."""

from edgeml_converters.graph.attributes import ints_attribute
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.layout import Ports
from edgeml_converters.tflite.order import Order
from edgeml_converters.tflite.registry import lowering
from edgeml_converters.tflite.step import Step, same_scale


def _permutation(step: Step, rank: int) -> tuple[int, ...]:
    return ints_attribute(step.node, "perm") or tuple(reversed(range(rank)))


def _ports(step: Step) -> Ports:
    """Turning channels last is reading channels last; turning them first, writing channels last."""
    shape = step.value(0).shape
    rank = 0 if shape is None else shape.rank()
    last = Order.CHANNELS_LAST.permutation(rank)
    permutation = _permutation(step, rank)
    if rank >= 3 and permutation == last:
        return Ports(Order.CHANNELS_LAST, Order.SOURCE)
    if rank >= 3 and permutation == tuple(last.index(axis) for axis in range(rank)):
        return Ports(Order.SOURCE, Order.CHANNELS_LAST)
    return Ports(None, None)


@lowering("Transpose", ports=_ports, integer=same_scale)
def lower_transpose(step: Step, emit: Emitter) -> None:
    """Write a TRANSPOSE between the orders that input and output have in memory."""
    source, target = emit.input(step, 0), emit.output(step)
    rank = len(source.shape)
    permutation = _permutation(step, rank)
    lying = emit.layout.reads[step].permutation(rank)
    wanted = emit.layout.order_of(step.output).permutation(rank)
    emit.transpose(source, target, tuple(lying.index(permutation[axis]) for axis in wanted))
