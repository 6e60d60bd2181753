"""The block of memory into which an engine lays all activations, planned as TensorFlow Lite does.

Greedy by size (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference",
2020): the largest buffer first, each into the smallest gap that fits among those which are held at
the same time. Gaps that stay open make the arena larger than the peak of what is held. Scratch
memory that kernels ask for is not in it, nor what XNNPACK packs or pads.
"""

from collections.abc import Sequence
from dataclasses import dataclass

ALIGNMENT_BYTES = 64
MOST_BUFFERS = 5000
"""With more, planning takes long; the peak must do."""


@dataclass(frozen=True)
class Lifetime:
    """A buffer of *size_bytes*, held from operator *first* to operator *last*."""

    size_bytes: int
    first: int
    last: int


def arena_bytes(buffers: Sequence[Lifetime]) -> int | None:
    """Return the size of the arena, None for too many buffers."""
    if len(buffers) > MOST_BUFFERS:
        return None
    end = max((buffer.last for buffer in buffers), default=0)
    placed: list[tuple[int, int, Lifetime]] = []
    for buffer in sorted(buffers, key=lambda entry: _rank(entry, end)):
        size = -(-buffer.size_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
        busy = sorted(
            (start, stop)
            for start, stop, other in placed
            if other.first <= buffer.last and buffer.first <= other.last
        )
        start = _smallest_gap(busy, size)
        placed.append((start, start + size, buffer))
    return max((stop for _, stop, _ in placed), default=0)


def _rank(buffer: Lifetime, end: int) -> tuple[bool, int, int]:
    always = buffer.first == 0 and buffer.last == end
    return not always, 0 if always else -buffer.size_bytes, buffer.first


def _smallest_gap(busy: Sequence[tuple[int, int]], size: int) -> int:
    """Return where *size* bytes fit best between the ranges of *busy*, which are sorted."""
    best, best_room, reached = None, 0, 0
    for start, stop in busy:
        room = start - reached
        if room >= size and (best is None or room < best_room):
            best, best_room = reached, room
        reached = max(reached, stop)
    return reached if best is None else best
