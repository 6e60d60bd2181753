"""The two orders of axes that a tensor can have in memory."""

import enum
import math


class Order(enum.Enum):
    """How the axes of a tensor lie in memory.

    ``SOURCE`` is the order of the ONNX graph. ``CHANNELS_LAST`` moves axis 1 to the end, for
    tensors of rank 3 and more; below that both are the same.
    """

    SOURCE = "source"
    CHANNELS_LAST = "channels_last"

    def permutation(self, rank: int) -> tuple[int, ...]:
        """Return, for each axis in memory, the axis of the ONNX graph."""
        if self is Order.SOURCE or rank < 3:
            return tuple(range(rank))
        return (0, *range(2, rank), 1)

    def place(self, axis: int, rank: int) -> int:
        """Return where an axis of the ONNX graph (may be negative) lies in memory."""
        return self.permutation(rank).index(axis % rank)

    def arrange(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape in memory of a tensor of the given ONNX shape."""
        return tuple(shape[axis] for axis in self.permutation(len(shape)))


def is_indifferent(shape: tuple[int, ...]) -> bool:
    """Whether both orders hold the elements in the same sequence."""
    return is_reshape(Order.CHANNELS_LAST.permutation(len(shape)), shape)


def is_reshape(permutation: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether transposing a tensor leaves its elements in sequence (only axes of size 1 move)."""
    if math.prod(shape) <= 1:
        return True
    moved = [axis for axis in permutation if shape[axis] != 1]
    return moved == sorted(moved)
