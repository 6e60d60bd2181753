"""Inputs of operators that broadcast."""

from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.layout import AGNOSTIC, SOURCE, Ports
from edgeml_converters.tflite.order import Order
from edgeml_converters.tflite.program import Tensor
from edgeml_converters.tflite.quantization import is_constant
from edgeml_converters.tflite.step import Step


def broadcast_ports(step: Step) -> Ports:
    """Either order, if all computed inputs have the rank of the output; constants are arranged."""
    rank = None if step.output.shape is None else step.output.shape.rank()
    ranks = {None if v.shape is None else v.shape.rank() for v in step.data_inputs()}
    return AGNOSTIC if ranks == {rank} else SOURCE


def operand(step: Step, emit: Emitter, index: int) -> Tensor:
    """Return an input of a broadcasting operator; constants get the rank of the output."""
    value = step.value(index)
    order = emit.layout.reads[step]
    if not is_constant(value):
        return emit.input(step, index)
    array, affine = emit.constant_of(step, index)
    rank = len(step.output_shape)
    if order is Order.CHANNELS_LAST and array.ndim > 0:
        array = array.reshape((1,) * (rank - array.ndim) + array.shape)
        array = array.transpose(order.permutation(rank))
        outer = 0
        while outer < rank - 1 and array.shape[outer] == 1:
            outer += 1
        array = array.reshape(array.shape[outer:])
    return emit.constant(str(value.name), array, affine)


def operands(step: Step, emit: Emitter) -> list[Tensor]:
    """Return all inputs of a broadcasting operator."""
    return [operand(step, emit, index) for index in range(len(step.node.inputs))]
