"""RESHAPE and its kin, TRANSPOSE, PACK and UNPACK: moving elements, computing none."""

from edgeml_converters.tflite_import.emitter import Emitter
from edgeml_converters.tflite_import.layout import AGNOSTIC, Ports
from edgeml_converters.tflite_import.order import Order, is_indifferent
from edgeml_converters.tflite_import.registry import importing
from edgeml_converters.tflite_import.step import Step


def _reshape_ports(step: Step) -> Ports:
    source, target = step.input().shape, step.output.shape
    keeps_ends = source[:1] == target[:1] and source[-1:] == target[-1:]
    if min(len(source), len(target)) >= 3 and keeps_ends:
        return AGNOSTIC  # only the axes between are regrouped
    return Ports(
        reads=None if is_indifferent(source) else Order.FILE,
        writes=None if is_indifferent(target) else Order.FILE,
    )


@importing("EXPAND_DIMS", "RESHAPE", "SQUEEZE", ports=_reshape_ports)
def raise_reshape(step: Step, emit: Emitter) -> None:
    """Add a Reshape to the shape that LiteRT computed; none where the shape is there already."""
    reads, writes = emit.layout.reads[step], emit.layout.written[step.output]
    shape = writes.arrange(step.output.shape)
    value = emit.input(step)
    if reads.arrange(step.input().shape) != shape:
        value = emit.reshaped(value, shape)
    emit.output(step, value)


@importing("TRANSPOSE", ports=Ports(None, None))
def raise_transpose(step: Step, emit: Emitter) -> None:
    """Add a Transpose between the orders of input and output; none where they agree."""
    permutation, rank = step.integers(1), len(step.output.shape)
    lying = emit.layout.reads[step].permutation(rank)
    wanted = emit.layout.written[step.output].permutation(rank)
    moved = [lying.index(permutation[axis] % rank) for axis in wanted]
    value = emit.input(step)
    if moved != sorted(moved):
        value = emit.node("Transpose", value, perm=moved)
    emit.output(step, value)


@importing("PACK")
def raise_pack(step: Step, emit: Emitter) -> None:
    """Add a Concat of the inputs, each with one more axis."""
    shape = list(step.output.shape)
    axis = step.number_of("axis", 0) % len(shape)
    shape[axis] = 1
    parts = [
        emit.reshaped(emit.input(step, index), shape) for index in range(len(step.operator.inputs))
    ]
    emit.output(step, emit.node("Concat", *parts, axis=axis))


@importing("UNPACK")
def raise_unpack(step: Step, emit: Emitter) -> None:
    """Add a Split, and a Reshape of each part that drops the axis."""
    source = step.input()
    axis = step.number_of("axis", 0) % len(source.shape)
    outputs = step.operator.outputs
    parts = [emit.input(step)]
    if len(outputs) > 1:
        parts = list(emit.node_of("Split", parts, {"axis": axis}, len(outputs)))
    for index, (part, tensor) in enumerate(zip(parts, outputs, strict=True)):
        emit.output(step, emit.reshaped(part, tensor.shape), index)


@importing("BROADCAST_TO")
def raise_broadcast(step: Step, emit: Emitter) -> None:
    """Add an Expand."""
    emit.output(
        step, emit.node("Expand", emit.input(step), emit.integers("shape", step.output.shape))
    )


@importing("TILE")
def raise_tile(step: Step, emit: Emitter) -> None:
    """Add a Tile."""
    repeats = emit.integers("repeats", step.integers(1))
    emit.output(step, emit.node("Tile", emit.input(step), repeats))
