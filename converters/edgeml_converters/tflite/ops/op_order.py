"""Finding, ranking and running sums: ARG_MAX, ARG_MIN, TOPK_V2, CUMSUM."""

import numpy as np

from edgeml_converters.graph.attributes import int_attribute, opset
from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.formula import Formula
from edgeml_converters.tflite.layout import SOURCE
from edgeml_converters.tflite.ops.axes import over_normalized_axis
from edgeml_converters.tflite.program import Tensor
from edgeml_converters.tflite.registry import lowering
from edgeml_converters.tflite.step import Step

_INT32 = np.dtype(np.int32)
_FIRST_OPSET_OF_K_INPUT = 10
_FIRST_OPSET_OF_LARGEST = 11


@lowering("ArgMax", "ArgMin", ports=SOURCE)
def lower_arg(step: Step, emit: Emitter) -> None:
    """Write where the greatest or least element of an axis is: the first, or the last of equals."""
    source, target = emit.input(step, 0), emit.output(step)
    rank = len(source.shape)
    axis = int_attribute(step.node, "axis", 0) % rank
    shape = tuple(size for at, size in enumerate(source.shape) if at != axis)
    last = bool(int_attribute(step.node, "select_last_index", 0))
    if last:
        place = emit.constant(f"{target.name}/axis", np.array([axis], np.int32))
        turned = emit.like(source, "reversed")
        emit.operator("REVERSE_V2", [source, place], [turned])
        source = turned
    code = "ARG_MAX" if step.node.op_type == "ArgMax" else "ARG_MIN"
    place = emit.constant(f"{target.name}/axis", np.array(axis, np.int32))
    found = emit.tensor(f"{target.name}/found", shape, _INT32)
    emit.operator(code, [source, place], [found], output_type="INT32")
    f = Formula(emit, target)
    if last:
        found = f.make("SUB", f.number(source.shape[axis] - 1, _INT32), found)
    wide = emit.cast(found, np.dtype(np.int64))
    emit.reshape(wide, target)


@lowering("Hardmax", ports=SOURCE)
def lower_hardmax(step: Step, emit: Emitter) -> None:
    """Write ones at the first greatest element of an axis, and zeros elsewhere."""
    with over_normalized_axis(step, emit) as (source, target):
        size = source.shape[-1]
        place = emit.constant(f"{target.name}/axis", np.array(len(source.shape) - 1, np.int32))
        found = emit.tensor(f"{target.name}/found", source.shape[:-1], _INT32)
        emit.operator("ARG_MAX", [source, place], [found], output_type="INT32")
        parts = [
            emit.constant(f"{target.name}/{name}", np.array(value, kind))
            for name, value, kind in (
                ("depth", size, _INT32),
                ("on", 1, source.dtype),
                ("off", 0, source.dtype),
            )
        ]
        emit.operator("ONE_HOT", [found, *parts], [target], axis=-1)


@lowering("TopK", ports=SOURCE)
def lower_top_k(step: Step, emit: Emitter) -> None:
    """Write the greatest elements of an axis in order, or the least by their negatives."""
    node = step.node
    if opset(node) < _FIRST_OPSET_OF_K_INPUT:
        count = int_attribute(node, "k", 1)
    else:
        amount, _ = emit.constant_of(step, 1)
        count = int(amount.reshape(-1)[0])
    if opset(node) >= _FIRST_OPSET_OF_LARGEST and not int_attribute(node, "sorted", 1):
        raise Refusal("an unsorted choice has no defined order")
    source = emit.input(step, 0)
    values, places = emit.output(step, 0), emit.output(step, 1)
    rank = len(source.shape)
    axis = int_attribute(node, "axis", -1) % rank
    turned = _to_last(emit, source, axis)
    smallest = not int_attribute(node, "largest", 1)
    if smallest and source.dtype.kind == "u":
        raise Refusal(f"the least of elements of type {source.dtype} are not supported")
    shape = (*turned.shape[:-1], count)
    given = Formula(emit, values).make("NEG", turned) if smallest else turned
    best = emit.tensor(f"{values.name}/best", shape, source.dtype)
    found = emit.tensor(f"{places.name}/found", shape, _INT32)
    amount_tensor = emit.constant(f"{values.name}/k", np.array(count, np.int32))
    emit.operator("TOPK_V2", [given, amount_tensor], [best, found])
    if smallest:
        best = Formula(emit, values).make("NEG", best)
    _from_last(emit, best, values, axis)
    _from_last(emit, emit.cast(found, np.dtype(np.int64)), places, axis)


def _to_last(emit: Emitter, source: Tensor, axis: int) -> Tensor:
    rank = len(source.shape)
    if axis == rank - 1:
        return source
    order = (*(at for at in range(rank) if at != axis), axis)
    turned = emit.like(source, "turned", tuple(source.shape[at] for at in order))
    emit.transpose(source, turned, order)
    return turned


def _from_last(emit: Emitter, source: Tensor, target: Tensor, axis: int) -> None:
    rank = len(source.shape)
    if axis == rank - 1:
        emit.reshape(source, target)
        return
    order = [*range(axis), rank - 1, *range(axis, rank - 1)]
    emit.transpose(source, target, tuple(order))


@lowering("CumSum", ports=SOURCE)
def lower_cumulative_sum(step: Step, emit: Emitter) -> None:
    """Write running sums along an axis."""
    place, _ = emit.constant_of(step, 1)
    source, target = emit.input(step, 0), emit.output(step)
    axis = int(place.reshape(-1)[0]) % len(source.shape)
    emit.operator(
        "CUMSUM",
        [source, emit.constant(f"{target.name}/axis", np.array(axis, np.int32))],
        [target],
        exclusive=bool(int_attribute(step.node, "exclusive", 0)),
        reverse=bool(int_attribute(step.node, "reverse", 0)),
    )
