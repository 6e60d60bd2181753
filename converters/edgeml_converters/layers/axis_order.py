"""Bringing a tensor of one model into the layout of the other's.

The sizes tell the layout in most cases. Where they fit in several ways (a square image of as many
channels, features that were flattened), the way that brings the values nearest to the reference on
the first sample is taken: a wrong one is far off wherever the right one is not.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edgeml_converters.layers.network import Shape


@dataclass(frozen=True)
class Arrangement:
    """How values lie in a candidate.

    Args:
        shape: The shape of which the axes are moved.
        order: For each axis of the reference, the axis of ``shape``.
        result: The reference's shape.
    """

    shape: tuple[int, ...]
    order: tuple[int, ...]
    result: tuple[int, ...]

    def apply(self, value: np.ndarray) -> np.ndarray:
        """Return a candidate's values in the layout of the reference."""
        return value.reshape(self.shape).transpose(self.order).reshape(self.result)

    def undo(self, value: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """Return a reference's values in the layout of the candidate, whose shape is given."""
        moved = tuple(self.shape[axis] for axis in self.order)
        return value.reshape(moved).transpose(np.argsort(self.order)).reshape(shape)


def may_fit(reference: Shape | None, candidate: Shape | None) -> bool:
    """Whether two tensors can hold the same values, by what is known before they are run."""
    mine, theirs = signature(reference), signature(candidate)
    return mine is None or theirs is None or mine == theirs


def signature(shape: Shape | None) -> tuple[int, ...] | None:
    """Return the sizes without order and without 1; None where one is not known.

    A free first axis is the batch, and counts as 1.
    """
    if shape is None or None in shape[1:]:
        return None
    return tuple(sorted(size for size in shape if size is not None and size != 1))


def choose_arrangement(
    reference: np.ndarray, candidate: np.ndarray, features: tuple[int, ...] | None = None
) -> Arrangement | None:
    """Return how *candidate* lies; None when it cannot hold the same values.

    Args:
        reference: The values of one sample.
        candidate: The other model's.
        features: What the reference was flattened from, where it was.
    """
    found = list(_arrangements(reference.shape, candidate.shape))
    if features is not None and math.prod(features) == reference.size == candidate.size:
        found += _arrangements(features, None, reference.shape)
    if len(found) <= 1:
        return found[0] if found else None
    return min(found, key=lambda way: _error(reference, way.apply(candidate)))


def _arrangements(
    shape: tuple[int, ...], stored: tuple[int, ...] | None, result: tuple[int, ...] | None = None
) -> Iterator[Arrangement]:
    """Yield the ways, channels moved or not, in which *stored* can be *shape*; each once."""
    seen = set()
    for moved in _moves(len(shape)):
        sizes = tuple(shape[axis] for axis in moved)
        kept = tuple(axis for axis in moved if shape[axis] != 1)
        if kept in seen or (stored is not None and _without_ones(sizes) != _without_ones(stored)):
            continue
        seen.add(kept)
        order = tuple(int(axis) for axis in np.argsort(moved))
        yield Arrangement(sizes, order, shape if result is None else result)


def _moves(rank: int) -> Iterator[tuple[int, ...]]:
    yield tuple(range(rank))
    if rank >= 3:
        yield (0, *range(2, rank), 1)
        yield (0, rank - 1, *range(1, rank - 1))


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def _error(reference: np.ndarray, candidate: np.ndarray) -> float:
    with np.errstate(invalid="ignore", over="ignore"):
        error = float(np.square(candidate.astype(np.float64) - reference).sum())
    return error if math.isfinite(error) else math.inf
