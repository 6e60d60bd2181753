"""Finds activations that exporters wrote out in arithmetic, for formats that have them whole.

GELU comes as ``x * (1 + erf(x / sqrt(2))) / 2`` and hard swish as ``x * clip(x + 3, 0, 6) / 6``, in
any order of factors; the product of factors is followed from its last node, so that it does not
matter which exporter nested them how.
"""

import math
from collections.abc import Iterator

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.attributes import clip_bounds, float_attribute, input_value
from edgeml_converters.graph.constants import constant_array
from edgeml_converters.graph.node_builder import NodeBuilder

_TOLERANCE = 1e-3
_FACTORS_OF_X = 2


def recognize_activations(model: ir.Model) -> bool:
    """Replace every activation that is found in the main graph; return whether there was one."""
    changed = False
    for node in list(model.graph):
        if node.op_type in {"Mul", "Div"} and not node.domain and node.graph is not None:
            changed |= _recognize(model.graph, node)
    return changed


def _recognize(graph: ir.Graph, node: ir.Node) -> bool:
    factors = list(_factors(node.outputs[0], node))
    scale = math.prod(float(f) for f in factors if not isinstance(f, ir.Value))
    values = [factor for factor in factors if isinstance(factor, ir.Value)]
    if len(values) != _FACTORS_OF_X:
        return False
    for value, other in (values, reversed(values)):
        kind = _kind(value, other, scale)
        if kind:
            build = NodeBuilder(graph, node)
            name, whole = node.name, build.op(kind, value)
            build.replace(node, [whole])
            maker = whole.producer()
            assert maker is not None, "the node that was just built"
            maker.name = name  # by which it is known in the float graph
            return True
    return False


def _factors(value: ir.Value, root: ir.Node) -> Iterator[ir.Value | float]:
    """Yield the factors of a product, constants as numbers; what others read too stays whole."""
    node = value.producer()
    shared = node is not root and (len(value.uses()) > 1 or value.is_graph_output())
    if node is None or node.domain or node.op_type not in {"Mul", "Div"} or shared:
        yield value
        return
    first, second = (_operand(node, index) for index in (0, 1))
    if node.op_type == "Div" and isinstance(second, float):
        yield from (_factors(first, root) if isinstance(first, ir.Value) else [first])
        yield 1 / second
        return
    if node.op_type == "Div":
        yield value
        return
    for operand in (first, second):
        if isinstance(operand, ir.Value):
            yield from _factors(operand, root)
        else:
            yield operand


def _operand(node: ir.Node, index: int) -> ir.Value | float:
    value = input_value(node, index)
    assert value is not None
    number = _number(value)
    return value if number is None else number


def _number(value: ir.Value) -> float | None:
    """Return a constant of one element, other than zero."""
    array = constant_array(value)
    if array is None or array.size != 1 or array.dtype.kind != "f":
        return None
    number = float(np.reshape(array, -1)[0])
    return number or None


def _kind(value: ir.Value, other: ir.Value, scale: float) -> str:
    """Return the activation of *value* that the product is; empty for none."""
    node = other.producer()
    if node is None or node.domain:
        return ""
    if node.op_type == "Add" and _is_near(scale, 0.5) and _is_one_plus_erf(node, value):
        return "Gelu"
    if node.op_type == "Clip" and _is_near(scale, 1 / 6) and clip_bounds(node) == (0.0, 6.0):
        return "HardSwish" if _is_shifted(input_value(node, 0), value, 3.0) else ""
    if node.op_type == "HardSigmoid" and scale == 1.0 and input_value(node, 0) is value:
        slope = float_attribute(node, "alpha", 0.2), float_attribute(node, "beta", 0.5)
        return "HardSwish" if _is_near(slope[0], 1 / 6) and _is_near(slope[1], 0.5) else ""
    return ""


def _is_one_plus_erf(node: ir.Node, value: ir.Value) -> bool:
    operands = [_operand(node, index) for index in (0, 1)]
    numbers = [operand for operand in operands if isinstance(operand, float)]
    values = [operand for operand in operands if isinstance(operand, ir.Value)]
    if numbers != [1.0] or not values:
        return False
    erf = values[0].producer()
    if erf is None or erf.op_type != "Erf":
        return False
    inner = input_value(erf, 0)
    scaled = None if inner is None else inner.producer()
    if inner is None or scaled is None or scaled.op_type not in {"Mul", "Div"}:
        return False
    factors = list(_factors(inner, scaled))
    scale = math.prod(float(f) for f in factors if not isinstance(f, ir.Value))
    rest = [factor for factor in factors if isinstance(factor, ir.Value)]
    return rest == [value] and _is_near(scale, math.sqrt(0.5))


def _is_shifted(shifted: ir.Value | None, value: ir.Value, offset: float) -> bool:
    node = None if shifted is None else shifted.producer()
    if node is None or node.op_type != "Add":
        return False
    operands = [_operand(node, index) for index in (0, 1)]
    return any(o is value for o in operands) and any(
        isinstance(o, float) and _is_near(o, offset) for o in operands
    )


def _is_near(one: float, other: float) -> bool:
    return abs(one - other) <= _TOLERANCE * abs(other)
