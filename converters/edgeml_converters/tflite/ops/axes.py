"""Bringing an axis to the end and back, for operators that work on the last one."""

from collections.abc import Iterator
from contextlib import contextmanager

from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.program import Tensor


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
