"""The two orders of axes that an ONNX value made from a TFLite tensor can have."""

import enum
import math


class Order(enum.Enum):
    """How the axes of a value lie.

    ``FILE`` is the order of the TFLite tensor. ``CHANNELS_FIRST`` moves the last axis to place 1,
    for tensors of rank 3 and more; below that both are the same.
    """

    FILE = "file"
    CHANNELS_FIRST = "channels_first"

    def permutation(self, rank: int) -> tuple[int, ...]:
        """Return, for each axis of the value, the axis of the TFLite tensor."""
        if self is Order.FILE or rank < 3:
            return tuple(range(rank))
        return (0, rank - 1, *range(1, rank - 1))

    def place(self, axis: int, rank: int) -> int:
        """Return where an axis of the TFLite tensor (may be negative) lies in the value."""
        return self.permutation(rank).index(axis % rank)

    def arrange(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the value of a tensor of the given shape."""
        return tuple(shape[axis] for axis in self.permutation(len(shape)))


def is_indifferent(shape: tuple[int, ...]) -> bool:
    """Whether both orders hold the elements in the same sequence."""
    if math.prod(shape) <= 1:
        return True
    moved = [axis for axis in Order.CHANNELS_FIRST.permutation(len(shape)) if shape[axis] != 1]
    return moved == sorted(moved)
