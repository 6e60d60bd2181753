"""Reads what a node asks for, whichever opset wrote it as an attribute or as an input.

Every reader answers for opset 7 to the newest. A reader that needs a constant input returns
``None`` where that input is computed at run time.
"""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.constants import constant_array


def opset(node: ir.Node) -> int:
    """Return the version of the standard operator set that the node belongs to."""
    graph = node.graph
    if node.version is not None:
        return node.version
    assert graph is not None
    return graph.opset_imports.get("", 1)


def int_attribute(node: ir.Node, name: str, default: int) -> int:
    """Return an integer attribute."""
    attribute = node.attributes.get(name)
    return default if attribute is None else attribute.as_int()


def float_attribute(node: ir.Node, name: str, default: float) -> float:
    """Return a float attribute."""
    attribute = node.attributes.get(name)
    return default if attribute is None else attribute.as_float()


def string_attribute(node: ir.Node, name: str, default: str) -> str:
    """Return a string attribute."""
    attribute = node.attributes.get(name)
    return default if attribute is None else attribute.as_string()


def ints_attribute(node: ir.Node, name: str) -> tuple[int, ...] | None:
    """Return a list of integers, ``None`` when it is not given."""
    attribute = node.attributes.get(name)
    return None if attribute is None else tuple(attribute.as_ints())


def input_value(node: ir.Node, index: int) -> ir.Value | None:
    """Return an input, ``None`` when it is left out."""
    return node.inputs[index] if index < len(node.inputs) else None


def constant_input(node: ir.Node, index: int) -> np.ndarray | None:
    """Return the constant that an input holds; ``None`` when left out or not constant."""
    value = input_value(node, index)
    return None if value is None else constant_array(value)


def axes(node: ir.Node) -> tuple[int, ...] | None:
    """Return the axes of Squeeze, Unsqueeze and the reductions; ``None`` when none are given."""
    given = ints_attribute(node, "axes")
    if given is None:
        array = constant_input(node, 1)
        given = None if array is None else tuple(int(axis) for axis in array.reshape(-1))
    return given or None


def axes_are_constant(node: ir.Node) -> bool:
    """Whether the axes are known before run time (not giving any counts as known)."""
    return input_value(node, 1) is None or constant_input(node, 1) is not None


def clip_bounds(node: ir.Node) -> tuple[float, float] | None:
    """Return the bounds of a Clip; ``None`` when they are computed at run time."""
    if opset(node) < 11:
        low = float_attribute(node, "min", float("-inf"))
        return low, float_attribute(node, "max", float("inf"))
    bounds = [float("-inf"), float("inf")]
    for index in (1, 2):
        if input_value(node, index) is not None:
            array = constant_input(node, index)
            if array is None:
                return None
            bounds[index - 1] = float(array.reshape(-1)[0])
    return bounds[0], bounds[1]


@dataclass(frozen=True)
class Padding:
    """What a Pad node adds: elements before and after each axis, and how they are filled."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    mode: str
    value: float


def padding(node: ir.Node, rank: int) -> Padding | None:
    """Return what a Pad node adds; ``None`` when it is computed at run time."""
    mode = string_attribute(node, "mode", "constant")
    if opset(node) < 11:
        pads = ints_attribute(node, "pads") or (0,) * (2 * rank)
        return _padding(pads, tuple(range(rank)), rank, mode, float_attribute(node, "value", 0.0))
    amounts = constant_input(node, 1)
    fill = constant_input(node, 2)
    named = constant_input(node, 3)
    unknown = [
        input_value(node, index) is not None and array is None
        for index, array in ((2, fill), (3, named))
    ]
    if amounts is None or any(unknown):
        return None
    pads = tuple(int(amount) for amount in amounts.reshape(-1))
    padded = tuple(range(rank)) if named is None else tuple(int(a) % rank for a in named)
    return _padding(pads, padded, rank, mode, 0.0 if fill is None else float(fill.reshape(-1)[0]))


def _padding(
    pads: tuple[int, ...], padded: tuple[int, ...], rank: int, mode: str, value: float
) -> Padding:
    before, after = [0] * rank, [0] * rank
    for index, axis in enumerate(padded):
        before[axis] = pads[index]
        after[axis] = pads[index + len(padded)]
    return Padding(tuple(before), tuple(after), mode, value)
