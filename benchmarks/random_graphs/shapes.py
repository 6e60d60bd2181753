"""Families of operators that move, cut and join tensors, and pick elements by index."""

from typing import Any

import numpy as np

from benchmarks.random_graphs.reductions import some_axes
from benchmarks.random_graphs.registry import add, attributes_of, family
from benchmarks.random_graphs.sketch import Known, Sketch
from benchmarks.random_graphs.table import Row


@family
def concat(sketch: Sketch, row: Row) -> list[Known] | None:
    """Of two to four tensors, computed and constant."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    axis = sketch.axis(source.rank)
    at = axis % source.rank
    around = (source.shape[:at], source.shape[at + 1 :])
    fitting = [
        t
        for t in (*sketch.inputs, *sketch.computed)
        if t.array.dtype == source.array.dtype
        and t.rank == source.rank
        and (t.shape[:at], t.shape[at + 1 :]) == around
    ]
    others = [sketch.choose(fitting) for _ in range(sketch.draw(1, 3))]
    if sketch.chance(4):
        others.append(sketch.constant(sketch.values(source.dtype, source.shape)))
    return add(sketch, row, [source, *others], axis=axis)


@family
def expand(sketch: Sketch, row: Row) -> list[Known] | None:
    """Along axes of size 1 and new ones."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    sizes = [size if size > 1 else sketch.draw(1, 3) for size in source.shape]
    if source.rank < 4 and sketch.chance(3):
        sizes.insert(0, sketch.draw(1, 3))
    return add(sketch, row, [source], shape=np.array(sizes, np.int64))


@family
def reshape(sketch: Sketch, row: Row) -> list[Known] | None:
    """To one to four axes; one size may be -1, and 0 keeps one."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    left, sizes = source.array.size, []
    for _ in range(sketch.draw(0, 3)):
        divisors = [d for d in range(1, left + 1) if left % d == 0]
        sizes.append(sketch.choose(divisors))
        left //= sizes[-1]
    sizes.append(-1 if sketch.chance(2) else left)
    if source.rank and sizes[0] == source.shape[0] and sketch.chance(3):
        sizes[0] = 0
    return add(sketch, row, [source], shape=np.array(sizes, np.int64))


@family
def slice(sketch: Sketch, row: Row) -> list[Known] | None:  # noqa: A001 - a family's name
    """A part of some axes, backwards at times."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    axes = some_axes(sketch, source.rank)
    starts, ends, steps = [], [], []
    for axis in axes:
        size = source.shape[axis]
        first, last = sorted((sketch.draw(0, size - 1), sketch.draw(0, size - 1)))
        back = sketch.opset >= 10 and sketch.chance(4)
        bounds = (last, first - 1 if first else -size - 1) if back else (first, last + 1)
        if not back and sketch.chance(4):
            bounds = (bounds[0] - size, 1 << 40)
        starts.append(bounds[0])
        ends.append(bounds[1])
        steps.append(sketch.draw(1, 2) * (-1 if back else 1) if sketch.opset >= 10 else 1)
    given: dict[str, Any] = {
        "starts": np.array(starts, np.int64),
        "ends": np.array(ends, np.int64),
        "axes": axes,
    }
    if sketch.opset >= 10:
        given["steps"] = np.array(steps, np.int64)
    return add(sketch, row, [source], **given)


@family
def split(sketch: Sketch, row: Row) -> list[Known] | None:
    """Into parts, even or uneven."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    axis = sketch.axis(source.rank)
    size = source.shape[axis]
    parts = sketch.draw(1, min(size, 3))
    sizes = np.array([size // parts] * (parts - 1) + [size - size // parts * (parts - 1)])
    if sketch.opset >= 18 and sketch.chance(2):
        return add(sketch, row, [source], parts, axis=axis, num_outputs=parts)
    if size % parts == 0 and sketch.chance(2) and sketch.opset < 18:
        return add(sketch, row, [source], parts, axis=axis)
    return add(sketch, row, [source], parts, axis=axis, split=sizes.astype(np.int64))


@family
def squeeze(sketch: Sketch, row: Row) -> list[Known] | None:
    """Without some axes of size 1, or all."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    ones = [at for at, size in enumerate(source.shape) if size == 1]
    chosen = [at - source.rank if sketch.chance(4) else at for at in ones if sketch.chance(2)]
    if not chosen or sketch.chance(6):
        return add(sketch, row, [source]) if ones else None
    return add(sketch, row, [source], axes=np.array(chosen, np.int64))


@family
def unsqueeze(sketch: Sketch, row: Row) -> list[Known] | None:
    """With one or two more axes."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    rank = source.rank + sketch.draw(1, 2 if source.rank < 4 else 1)
    count = rank - source.rank
    axes = sketch.rng.permutation(rank)[:count]
    axes = np.array([a - rank if sketch.chance(4) else a for a in axes], np.int64)
    return add(sketch, row, [source], axes=axes)


@family
def tile(sketch: Sketch, row: Row) -> list[Known] | None:
    """Repeated along axes."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    repeats = [sketch.draw(1, 2) for _ in source.shape]
    return add(sketch, row, [source], repeats=np.array(repeats, np.int64))


@family
def transpose(sketch: Sketch, row: Row) -> list[Known] | None:
    """Axes in another order."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    if sketch.chance(6):
        return add(sketch, row, [source])
    left, order = list(range(source.rank)), []
    while left:
        order.append(left.pop(sketch.draw(0, len(left) - 1)))
    return add(sketch, row, [source], perm=order)


@family
def triangle(sketch: Sketch, row: Row) -> list[Known] | None:
    """The upper or lower triangle."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    given = attributes_of(sketch, row, source.rank)
    if sketch.chance(2):
        given["k"] = np.array(sketch.draw(-2, 2), np.int64)
    return add(sketch, row, [source], **given)


def _indices(sketch: Sketch, shape: tuple[int, ...], size: int) -> np.ndarray:
    kind = sketch.choose(("int32", "int64"))
    return np.asarray(sketch.rng.integers(-size if sketch.opset >= 11 else 0, size, shape), kind)


@family
def gather(sketch: Sketch, row: Row) -> list[Known] | None:
    """Slices by index."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    axis = sketch.axis(source.rank)
    shape = sketch.choose(((), (1,), (3,), (2, 2)))
    indices = sketch.constant(_indices(sketch, shape, source.shape[axis]))
    return add(sketch, row, [source, indices], axis=axis)


@family
def gather_elements(sketch: Sketch, row: Row) -> list[Known] | None:
    """One index an element."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    axis = sketch.axis(source.rank)
    shape = list(source.shape)
    shape[axis] = sketch.draw(1, 3)
    indices = sketch.constant(_indices(sketch, tuple(shape), source.shape[axis]))
    return add(sketch, row, [source, indices], axis=axis)


def _tuples(sketch: Sketch, source: Known) -> np.ndarray:
    """Draw distinct tuples of indices into the first axes of a tensor."""
    depth = sketch.draw(1, source.rank)
    every = np.argwhere(np.ones(source.shape[:depth], bool))
    return np.asarray(sketch.rng.permutation(every)[: sketch.draw(1, 3)], np.int64)


@family
def gather_nd(sketch: Sketch, row: Row) -> list[Known] | None:
    """By tuples of indices."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    return add(sketch, row, [source, sketch.constant(_tuples(sketch, source))])


@family
def scatter_nd(sketch: Sketch, row: Row) -> list[Known] | None:
    """Slices written at tuples of indices."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    tuples = _tuples(sketch, source)
    shape = (len(tuples), *source.shape[tuples.shape[1] :])
    updates = sketch.constant(sketch.values(source.dtype, shape))
    return add(sketch, row, [source, sketch.constant(tuples), updates])


@family
def scatter_elements(sketch: Sketch, row: Row) -> list[Known] | None:
    """Elements written at one index each, none twice."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    axis = sketch.axis(source.rank)
    places = sketch.rng.permuted(
        np.moveaxis(np.broadcast_to(np.arange(source.shape[axis]), _last(source, axis)), -1, axis),
        axis=axis,
    )
    count = sketch.draw(1, source.shape[axis])
    indices = np.take(places, range(count), axis).astype(np.int64)
    updates = sketch.constant(sketch.values(source.dtype, tuple(indices.shape)))
    return add(sketch, row, [source, sketch.constant(indices), updates], axis=axis)


def _last(source: Known, axis: int) -> tuple[int, ...]:
    """Return a shape with one axis at the end."""
    shape = list(source.shape)
    size = shape.pop(axis)
    return (*shape, size)


@family
def one_hot(sketch: Sketch, row: Row) -> list[Known] | None:
    """Vectors of "on" and "off"."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    depth = sketch.constant(np.array(sketch.draw(1, 5), np.int64))
    values = sketch.constant(np.array([sketch.between(-1, 0), 1.0], np.float32))
    axis = sketch.axis(source.rank + 1)
    return add(sketch, row, [source, depth, values], axis=axis)


@family
def reverse_sequence(sketch: Sketch, row: Row) -> list[Known] | None:
    """The beginnings of sequences in reverse."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    time = sketch.draw(0, 1)
    steps, batch = source.shape[time], source.shape[1 - time]
    lengths = sketch.constant(np.asarray(sketch.rng.integers(1, steps + 1, batch), np.int64))
    return add(sketch, row, [source, lengths], time_axis=time, batch_axis=1 - time)


@family
def top_k(sketch: Sketch, row: Row) -> list[Known] | None:
    """The greatest or least elements of an axis."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    axis = sketch.axis(source.rank) if sketch.opset >= 11 else sketch.draw(0, source.rank - 1)
    count = sketch.draw(1, source.shape[axis])
    given: dict[str, Any] = {"axis": axis}
    if sketch.opset < 10:
        given["k"] = count
    else:
        # Its parameter is called K, and has an axis.
        given["k"] = np.array([count], np.int64)
    if sketch.opset >= 11 and sketch.chance(2):
        given["largest"] = 0
    return add(sketch, row, [source], 2, **given)
