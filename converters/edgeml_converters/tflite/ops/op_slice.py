"""Cutting out and repeating: STRIDED_SLICE, SPLIT_V, TILE, BROADCAST_TO, REVERSE_SEQUENCE."""

import numpy as np

from edgeml_converters.graph.attributes import (
    constant_input,
    input_value,
    int_attribute,
    ints_attribute,
    opset,
)
from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.layout import SOURCE
from edgeml_converters.tflite.program import Tensor
from edgeml_converters.tflite.registry import lowering
from edgeml_converters.tflite.step import Step, same_scale

_FIRST_OPSET_OF_INPUTS = 10


def _bounds(step: Step) -> list[slice]:
    """Return what is kept of each axis, with bounds inside it."""
    node, shape = step.node, step.shape(0)
    names = ("starts", "ends", "axes", "steps")
    if opset(node) < _FIRST_OPSET_OF_INPUTS:
        given = [ints_attribute(node, name) for name in names]
    else:
        given = [
            None if a is None else tuple(int(i) for i in a.reshape(-1))
            for a in (constant_input(node, index) for index in range(1, 5))
        ]
        for index, name in enumerate(names, start=1):
            if input_value(node, index) is not None and given[index - 1] is None:
                raise Refusal(f"{name} that are computed at run time are not supported")
    starts, ends, axes, steps = given
    assert starts is not None
    assert ends is not None
    axes = tuple(range(len(starts))) if axes is None else axes
    steps = (1,) * len(starts) if steps is None else steps
    kept = [slice(0, size, 1) for size in shape]
    for start, end, axis, stride in zip(starts, ends, axes, steps, strict=True):
        place = axis % len(shape)
        first, last, _ = slice(start, end, stride).indices(shape[place])
        kept[place] = slice(first, last, stride)
    return kept


@lowering("Slice", integer=same_scale)
def lower_slice(step: Step, emit: Emitter) -> None:
    """Write a part of each axis; strides may be negative."""
    source, target = emit.input(step, 0), emit.output(step)
    order = emit.layout.reads[step].permutation(len(source.shape))
    bounds = _bounds(step)
    write_slice(emit, source, target, [bounds[axis] for axis in order])


def write_slice(emit: Emitter, source: Tensor, target: Tensor, bounds: list[slice]) -> None:
    """Append a STRIDED_SLICE with bounds inside each axis as it lies in memory.

    A slice that runs to the first element backwards ends before it, which is -1 in Python's
    ``slice.indices`` and would be the last element to TFLite; a mask says so instead.
    """
    begin, end, strides = (
        np.array([getattr(b, name) for b in bounds], np.int32) for name in ("start", "stop", "step")
    )
    mask = sum(1 << at for at, bound in enumerate(bounds) if bound.stop < 0)
    parts = [
        emit.constant(f"{target.name}/{name}", array)
        for name, array in (("begin", begin), ("end", end), ("strides", strides))
    ]
    emit.operator(
        "STRIDED_SLICE",
        [source, *parts],
        [target],
        begin_mask=0,
        end_mask=mask,
        ellipsis_mask=0,
        new_axis_mask=0,
        shrink_axis_mask=0,
    )


@lowering("Split", integer=same_scale)
def lower_split(step: Step, emit: Emitter) -> None:
    """Write the parts of one axis, one after the other."""
    source = emit.input(step, 0)
    targets = [emit.output(step, index) for index in range(len(step.outputs))]
    rank = len(source.shape)
    axis = emit.layout.reads[step].place(int_attribute(step.node, "axis", 0), rank)
    if len(targets) == 1:
        emit.reshape(source, targets[0])
        return
    sizes = np.array([target.shape[axis] for target in targets], np.int32)
    parts = emit.constant(f"{targets[0].name}/sizes", sizes)
    place = emit.constant(f"{targets[0].name}/axis", np.array(axis, np.int32))
    emit.operator("SPLIT_V", [source, parts, place], targets, num_splits=len(targets))


@lowering("Tile", integer=same_scale)
def lower_tile(step: Step, emit: Emitter) -> None:
    """Write a tensor several times along its axes."""
    repeats, _ = emit.constant_of(step, 1)
    source, target = emit.input(step, 0), emit.output(step)
    order = emit.layout.reads[step].permutation(len(source.shape))
    counts = repeats.reshape(-1)[list(order)].astype(np.int32)
    emit.operator("TILE", [source, emit.constant(f"{target.name}/repeats", counts)], [target])


@lowering("Expand", ports=SOURCE, integer=same_scale)
def lower_expand(step: Step, emit: Emitter) -> None:
    """Write a tensor repeated along axes of size 1 and along new ones."""
    source, target = emit.input(step, 0), emit.output(step)
    shape = emit.constant(f"{target.name}/shape", np.array(target.shape, np.int32))
    emit.operator("BROADCAST_TO", [source, shape], [target])


@lowering("ReverseSequence", ports=SOURCE)
def lower_reverse_sequence(step: Step, emit: Emitter) -> None:
    """Write the beginnings of sequences in reverse, each as long as is given."""
    lengths = emit.cast(emit.input(step, 1), np.dtype(np.int32))
    emit.operator(
        "REVERSE_SEQUENCE",
        [emit.input(step, 0), lengths],
        [emit.output(step)],
        seq_dim=int_attribute(step.node, "time_axis", 0),
        batch_dim=int_attribute(step.node, "batch_axis", 1),
    )
