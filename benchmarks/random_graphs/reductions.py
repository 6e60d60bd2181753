"""Families of operators along axes, of products of matrices, and of sequences."""

from typing import Any

import numpy as np

from benchmarks.random_graphs.registry import add, attributes_of, family
from benchmarks.random_graphs.sketch import Known, Sketch
from benchmarks.random_graphs.table import Row


@family
def reduce(sketch: Sketch, row: Row) -> list[Known] | None:
    """Over some axes, or all."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    given = {"keepdims": sketch.draw(0, 1)} if sketch.chance(2) else {}
    if sketch.chance(5):
        return add(sketch, row, [source], **given)
    return add(sketch, row, [source], axes=some_axes(sketch, source.rank), **given)


def some_axes(sketch: Sketch, rank: int) -> np.ndarray:
    """Draw one or more axes, at times counted from the end."""
    axes = [axis for axis in range(rank) if sketch.chance(2)] or [sketch.draw(0, rank - 1)]
    return np.array([a - rank if sketch.chance(4) else a for a in axes], np.int64)


@family
def arg(sketch: Sketch, row: Row) -> list[Known] | None:
    """The place of the greatest or least."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    given = {"axis": sketch.axis(source.rank), "keepdims": sketch.draw(0, 1)}
    if sketch.opset >= 12 and sketch.chance(3):
        given["select_last_index"] = 1
    return add(sketch, row, [source], **given)


@family
def running(sketch: Sketch, row: Row) -> list[Known] | None:
    """Running sums."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    axis = np.array(sketch.axis(source.rank), sketch.choose(("int32", "int64")))
    return add(sketch, row, [source], axis=axis, **attributes_of(sketch, row, source.rank))


@family
def layer_norm(sketch: Sketch, row: Row) -> list[Known] | None:
    """Over the last axes."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    axis = sketch.axis(source.rank)
    inputs = [source, sketch.weights(*source.shape[axis:])]
    if row.op_type == "LayerNormalization" and sketch.chance(2):
        inputs.append(sketch.weights(*source.shape[axis:]))
    return add(sketch, row, inputs, axis=axis, epsilon=sketch.choose((1e-5, 1e-3)))


@family
def gemm(sketch: Sketch, row: Row) -> list[Known] | None:
    """A product of two matrices, with a bias that broadcasts."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    given: dict[str, Any] = {}
    rows, inner = source.shape
    if sketch.chance(6):
        given["transA"] = 1
        rows, inner = inner, rows
    columns = sketch.draw(1, 6)
    if sketch.chance(2):
        given["transB"] = 1
        weights = sketch.weights(columns, inner)
    else:
        weights = sketch.weights(inner, columns)
    if sketch.chance(4):
        given |= {"alpha": sketch.between(0.5, 2.0), "beta": sketch.between(0.5, 2.0)}
    shapes: list[tuple[int, ...]] = [(columns,), (1, columns), (1,), (rows, columns), (rows, 1), ()]
    inputs = [source, weights]
    if sketch.opset < 11 or not sketch.chance(3):
        inputs.append(sketch.weights(*(shapes[0] if sketch.chance(2) else sketch.choose(shapes))))
    return add(sketch, row, inputs, **given)


@family
def matmul(sketch: Sketch, row: Row) -> list[Known] | None:
    """A product of stacks of matrices, one of which may be constant."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    known = [*sketch.inputs, *sketch.computed]
    inner = source.shape[-1]
    others = [
        t
        for t in known
        if t.dtype == "float32" and t.rank > 0 and t.shape[-2 if t.rank > 1 else -1] == inner
    ]
    if others and sketch.chance(2):
        return add(sketch, row, [source, sketch.choose(others)])
    columns = sketch.draw(1, 6)
    shapes: list[tuple[int, ...]] = [(inner, columns), (inner, columns), (inner,)]
    if source.rank > 2:
        shapes.append((*source.shape[:-2], inner, columns))
    if source.rank > 1 and sketch.chance(4):
        return add(sketch, row, [sketch.weights(columns, source.shape[-2]), source])
    return add(sketch, row, [source, sketch.weights(*sketch.choose(shapes))])


_GATES = {"GRU": 3, "LSTM": 4, "RNN": 1}


@family
def recurrent(sketch: Sketch, row: Row) -> list[Known] | None:
    """A sequence of few steps."""
    source = sketch.pick(row.types, row.ranks)
    if source is None or source.shape[0] > 5:
        return None
    direction = sketch.choose(("forward", "forward", "reverse", "bidirectional"))
    ways = 2 if direction == "bidirectional" else 1
    hidden, gates = sketch.draw(1, 3), _GATES[row.op_type]
    inputs: list[Known | None] = [
        source,
        sketch.weights(ways, gates * hidden, source.shape[2]),
        sketch.weights(ways, gates * hidden, hidden),
    ]
    if sketch.chance(2):
        inputs.append(sketch.weights(ways, 2 * gates * hidden))
    given: dict[str, int | str] = {"hidden_size": hidden, "direction": direction}
    if row.op_type == "GRU":
        given["linear_before_reset"] = sketch.draw(0, 1)
    return add(sketch, row, inputs, outputs=sketch.draw(1, 2), **given)
