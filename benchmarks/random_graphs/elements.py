"""Families of operators that work element by element, or over broadcast pairs."""

from typing import Any

import numpy as np
from onnx import helper

from benchmarks.random_graphs.registry import add, attributes_of, family
from benchmarks.random_graphs.sketch import Known, Sketch
from benchmarks.random_graphs.table import Row


@family
def unary(sketch: Sketch, row: Row) -> list[Known] | None:
    """One input, attributes."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    return add(sketch, row, [source], **attributes_of(sketch, row, source.rank))


@family
def cast(sketch: Sketch, row: Row) -> list[Known] | None:
    """To another type."""
    source = sketch.pick(row.types)
    if source is None:
        return None
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(sketch.choose(row.types)))
    return add(sketch, row, [source], to=kind)


@family
def cast_like(sketch: Sketch, row: Row) -> list[Known] | None:
    """To the type of another tensor."""
    source, like = sketch.pick(row.types), sketch.pick(row.types)
    return None if source is None or like is None else add(sketch, row, [source, like])


@family
def clip(sketch: Sketch, row: Row) -> list[Known] | None:
    """Between bounds, or on one side."""
    source = sketch.pick(row.types)
    if source is None:
        return None
    bounds = sketch.choose([(0, 6), (-1, 1), (0, 1), (-0.5, 0.75), (0, None), (None, 1)])
    given: dict[str, Any] = {
        name: np.array(bound, source.dtype)
        for name, bound in zip(("min", "max"), bounds, strict=True)
        if bound is not None
    }
    return add(sketch, row, [source], **given)


@family
def dropout(sketch: Sketch, row: Row) -> list[Known] | None:
    """As in inference."""
    source = sketch.pick(row.types)
    if source is None:
        return None
    return add(sketch, row, [source], ratio=np.float32(0.3))


@family
def quantize(sketch: Sketch, row: Row) -> list[Known] | None:  # noqa: ARG001 - as all families
    """Quantize and back: once a graph, as between two such pairs an operator computes in int8."""
    source = sketch.pick(("float32",))
    if source is None or any(node.op_type == "QuantizeLinear" for node in sketch.nodes):
        return None
    # Of uint8, onnxruntime's own passes make a node that it refuses since opset 21.
    kind = sketch.choose(("int8", "uint8")) if sketch.opset < 21 else "int8"
    zero = sketch.constant(np.array(0 if kind == "int8" else 128, kind))
    scale = sketch.constant(np.array(0.03125 * sketch.draw(1, 4), np.float32))
    steps = sketch.add("QuantizeLinear", [source, scale, zero])
    return None if steps is None else sketch.add("DequantizeLinear", [steps[0], scale, zero])


@family
def broadcast(sketch: Sketch, row: Row) -> list[Known] | None:
    """Two inputs that broadcast."""
    source = sketch.pick(row.types)
    if source is None:
        return None
    other = partner(sketch, source, row.partner)
    pair = [other, source] if not row.partner and sketch.chance(3) else [source, other]
    fmod = {"fmod": 1} if row.op_type == "Mod" and source.dtype == "float32" else {}
    direction = {"direction": sketch.choose(("LEFT", "RIGHT"))} if row.partner == "shift" else {}
    return add(sketch, row, pair, **fmod, **direction)


@family
def several(sketch: Sketch, row: Row) -> list[Known] | None:
    """One to four inputs that broadcast."""
    source = sketch.pick(row.types)
    if source is None:
        return None
    others = [partner(sketch, source, "") for _ in range(sketch.draw(0, 3))]
    return add(sketch, row, [source, *others])


@family
def where(sketch: Sketch, row: Row) -> list[Known] | None:
    """A condition and two that broadcast."""
    source = sketch.pick(row.types)
    if source is None:
        return None
    conditions = [t for t in sketch.computed if t.dtype == "bool" and fits(t.shape, source.shape)]
    if conditions and not sketch.chance(4):
        condition = sketch.choose(conditions)
    else:
        condition = sketch.constant(sketch.values("bool", smaller(sketch, source.shape)))
    pair = [source, partner(sketch, source, "")]
    return add(sketch, row, [condition, *(pair if sketch.chance(2) else pair[::-1])])


def partner(sketch: Sketch, source: Known, kind: str) -> Known:
    """Return a tensor that broadcasts to another: computed, or constant."""
    if not kind and not sketch.chance(3):
        known = [*sketch.inputs, *sketch.computed]
        like = [t for t in known if t.dtype == source.dtype and fits(t.shape, source.shape)]
        made: Known = sketch.choose(like)
        return made
    shape = smaller(sketch, source.shape)
    if kind == "slope":
        shape = shape[1:] if len(shape) == source.rank else shape
    if kind == "exponent":
        exponents = [0.5, 1.0, 2.0, 3.0] if source.dtype == "float32" else [1, 2, 3]
        return sketch.constant(np.full(shape, sketch.choose(exponents), source.dtype))
    array = sketch.values(source.dtype, shape)
    if kind == "shift":
        array = np.asarray(array % 5, source.dtype)
    if kind == "nonzero":
        array = np.where(array == 0, np.array(2, array.dtype), array)
        if source.dtype == "float32":
            array = np.asarray(np.sign(array) * np.maximum(np.abs(array), 0.3), np.float32)
    return sketch.constant(array)


def fits(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether a shape broadcasts to another without changing it."""
    try:
        return np.broadcast_shapes(shape, target) == target
    except ValueError:
        return False


def smaller(sketch: Sketch, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Draw a shape that broadcasts to another."""
    kept = shape[sketch.draw(0, len(shape)) :]
    return tuple(size if sketch.chance(2) else 1 for size in kept)
