"""Bringing an axis to the end and back, for operators that work on the last one."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

from edgeml_converters.graph.attributes import int_attribute, opset
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.program import Tensor
from edgeml_converters.tflite.step import Step

_FIRST_OPSET_OF_ONE_AXIS = 13


@contextmanager
def at_last_axis(
    emit: Emitter, source: Tensor, target: Tensor, axis: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Give what to read and what to write, both of the same shape, with *axis* at the end.

    Args:
        emit: The program.
        source: What is read.
        target: What is written afterwards, of the shape of ``source``.
        axis: In memory; may be negative.
    """
    rank = len(source.shape)
    if axis % rank == rank - 1:
        yield source, target
        return
    swap = list(range(rank))
    swap[axis % rank], swap[-1] = swap[-1], swap[axis % rank]
    turned = emit.like(source, "turned", tuple(source.shape[at] for at in swap))
    result = emit.like(target, "turned", tuple(target.shape[at] for at in swap))
    emit.transpose(source, turned, tuple(swap))
    yield turned, result
    emit.transpose(result, target, tuple(swap))


def normalized_axis(step: Step) -> int:
    """Return the ONNX axis of Softmax, LogSoftmax or Hardmax, counted from the first."""
    default = -1 if opset(step.node) >= _FIRST_OPSET_OF_ONE_AXIS else 1
    return int_attribute(step.node, "axis", default) % len(step.shape())


def normalizes_rows(step: Step) -> bool:
    """Whether more than one axis is normalized over together.

    Before opset 13 these operators flatten all axes from ``axis`` on into one, and normalize over
    that (https://onnx.ai/onnx/operators/onnx__Softmax.html); since then over ``axis`` alone.
    """
    rest = step.shape()[normalized_axis(step) + 1 :]
    return opset(step.node) < _FIRST_OPSET_OF_ONE_AXIS and math.prod(rest) != 1


@contextmanager
def over_normalized_axis(step: Step, emit: Emitter) -> Iterator[tuple[Tensor, Tensor]]:
    """Give what Softmax, LogSoftmax or Hardmax reads and writes, to work on the last axis."""
    source, target = emit.input(step, 0), emit.output(step)
    axis, rank = normalized_axis(step), len(source.shape)
    if normalizes_rows(step):
        rows = (math.prod(source.shape[:axis]), math.prod(source.shape[axis:]))
        flat, result = emit.like(source, "rows", rows), emit.like(target, "rows", rows)
        emit.reshape(source, flat)
        yield flat, result
        emit.reshape(result, target)
        return
    place = emit.layout.reads[step].place(axis, rank)
    with at_last_axis(emit, source, target, place) as ends:
        yield ends
