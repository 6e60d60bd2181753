"""Picking elements by index: GATHER, GATHER_ND, ONE_HOT."""

import numpy as np

from edgeml_converters.graph.attributes import constant_input, int_attribute
from edgeml_converters.graph.constants import constant_array
from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.formula import Formula
from edgeml_converters.tflite.layout import SOURCE
from edgeml_converters.tflite.ops.op_slice import write_slice
from edgeml_converters.tflite.program import Affine, Tensor
from edgeml_converters.tflite.quantization import unquantized
from edgeml_converters.tflite.registry import lowering
from edgeml_converters.tflite.step import Step


def _is_embedding(step: Step, axis: int) -> bool:
    """Whether rows of a constant table are looked up by what the caller feeds.

    No framework takes negative indices there, nor does LiteRT, which says so when it is given one.
    """
    table, places = step.node.inputs[0], step.node.inputs[1]
    array = None if table is None else constant_array(unquantized(table))
    fed = places is not None and places.is_graph_input()
    return fed and axis == 0 and array is not None and array.ndim == 2 and array.dtype.kind in "fi"


def _place(step: Step) -> int | None:
    """Return the one index that is picked, where it is a constant without axes."""
    array = constant_input(step.node, 1)
    return int(array) if array is not None and array.ndim == 0 else None


def _write_place(emit: Emitter, source: Tensor, target: Tensor, axis: int, place: int) -> None:
    """Append a slice of one element, which XNNPACK cuts, and a RESHAPE without its axis."""
    first = place % source.shape[axis]
    bounds = [slice(0, size, 1) for size in source.shape]
    bounds[axis] = slice(first, first + 1, 1)
    shape = tuple(bound.stop - bound.start for bound in bounds)
    kept = emit.like(target, "kept", shape)
    write_slice(emit, source, kept, bounds)
    emit.reshape(kept, target)


def _indices(emit: Emitter, tensor: Tensor, size: int) -> Tensor:
    """Return indices as int32, negative ones counted from the end."""
    narrow = emit.cast(tensor, np.dtype(np.int32))
    if narrow.data is not None:
        array = np.where(narrow.data < 0, narrow.data + size, narrow.data)
        return emit.constant(f"{tensor.name}/positive", array.astype(np.int32))
    # (i + size) mod size is right from -size to size - 1.
    f = Formula(emit, narrow)
    return f.make("FLOOR_MOD", narrow, f.number(size, np.dtype(np.int32)))


def _gather_rule(step: Step) -> Affine | None:
    """Integers are picked as they are; the indices are none of them."""
    return step.carried.get(step.value(0))


@lowering("Gather", ports=SOURCE, integer=_gather_rule)
def lower_gather(step: Step, emit: Emitter) -> None:
    """Write a selection along one axis."""
    axis = int_attribute(step.node, "axis", 0) % len(step.shape(0))
    source, target = emit.input(step, 0), emit.output(step)
    place = _place(step)
    if place is not None:
        _write_place(emit, source, target, axis, place)
        return
    counter = emit.counters.get(step.value(1))
    if _is_embedding(step, axis):
        indices = emit.input(step, 1)
    elif counter is None:
        indices = _indices(emit, emit.input(step, 1), step.shape(0)[axis])
    else:
        indices = counter
    emit.operator("GATHER", [source, indices], [target], axis=axis, batch_dims=0)


@lowering("GatherND", ports=SOURCE)
def lower_gather_nd(step: Step, emit: Emitter) -> None:
    """Write a selection by tuples of indices."""
    if int_attribute(step.node, "batch_dims", 0):
        raise Refusal("batch dimensions have no TFLite form")
    source = emit.input(step, 0)
    tuples = positive_tuples(emit, emit.input(step, 1), source.shape)
    emit.operator("GATHER_ND", [source, tuples], [emit.output(step)])


@lowering("GatherElements", ports=SOURCE)
def lower_gather_elements(step: Step, emit: Emitter) -> None:
    """Write a selection with one index an element."""
    source = emit.input(step, 0)
    axis = int_attribute(step.node, "axis", 0) % len(source.shape)
    tuples = element_tuples(emit, emit.input(step, 1), axis, source.shape[axis])
    emit.operator("GATHER_ND", [source, tuples], [emit.output(step)])


def positive_tuples(emit: Emitter, indices: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return tuples of indices (..., n) into the first n axes of *shape*: int32, none negative."""
    narrow = emit.cast(indices, np.dtype(np.int32))
    sizes = np.array(shape[: indices.shape[-1]], np.int32)
    if narrow.data is not None:
        array = np.where(narrow.data < 0, narrow.data + sizes, narrow.data)
        return emit.constant(f"{indices.name}/positive", array.astype(np.int32))
    f = Formula(emit, narrow)
    return f.make("FLOOR_MOD", narrow, emit.constant(f"{indices.name}/sizes", sizes))


def element_tuples(emit: Emitter, given: Tensor, axis: int, size: int) -> Tensor:
    """Return, for one index an element, the tuples with that index among the element's place.

    Args:
        emit: The program.
        given: Indices along *axis*.
        axis: Of the tensor that is indexed.
        size: Of that axis.
    """
    shape = given.shape
    indices = _indices(emit, given, size)
    column = emit.tensor(f"{given.name}/column", (*shape, 1), np.dtype(np.int32))
    emit.reshape(indices, column)
    if len(shape) == 1:
        return column
    places = np.moveaxis(np.indices(shape, np.int32), 0, -1)
    parts = [
        column if at == axis else emit.constant(f"{given.name}/axis{at}", places[..., at : at + 1])
        for at in range(len(shape))
    ]
    tuples = emit.tensor(f"{given.name}/tuples", (*shape, len(shape)), np.dtype(np.int32))
    emit.operator(
        "CONCATENATION", parts, [tuples], axis=len(shape), fused_activation_function="NONE"
    )
    return tuples


@lowering("OneHot", ports=SOURCE)
def lower_one_hot(step: Step, emit: Emitter) -> None:
    """Write vectors that are "on" at an index and "off" elsewhere."""
    depth, _ = emit.constant_of(step, 1)
    values, _ = emit.constant_of(step, 2)
    size = int(depth.reshape(-1)[0])
    rank = len(step.output_shape)
    axis = int_attribute(step.node, "axis", -1) % rank
    target = emit.output(step)
    # Beyond both ends there is no element to be "on".
    given = emit.cast(emit.input(step, 0), np.dtype(np.int32))
    f = Formula(emit, given)
    zero, length = (f.number(value, given.dtype) for value in (0, size))
    negative = f.test("LESS", given, zero)
    indices = f.make("SELECT_V2", negative, f.make("ADD", given, length), given)
    off, on = (
        emit.constant(f"{target.name}/{n}", v) for n, v in zip(("off", "on"), values, strict=True)
    )
    sizes = emit.constant(f"{target.name}/depth", np.array(size, np.int32))
    last = -1 if axis == rank - 1 else axis
    emit.operator("ONE_HOT", [indices, sizes, on, off], [target], axis=last)
