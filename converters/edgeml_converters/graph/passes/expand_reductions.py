"""Writes the reductions that are a sum of something as that something and the sum.

The standard defines them so only since opset 18, and ReduceLogSumExp by way of float64.
"""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.attributes import axes, axes_are_constant, int_attribute, opset
from edgeml_converters.graph.constants import static_shape
from edgeml_converters.graph.node_builder import NodeBuilder

_FIRST_OPSET_OF_AXES_INPUT = {"ReduceSum": 13, "ReduceMean": 18, "ReduceMax": 18}


def reduce_axes(
    build: NodeBuilder, op_type: str, value: ir.Value, given: list[int], node: ir.Node
) -> ir.Value:
    """Insert a reduction, as the operator set of *node* has it, whose axes stay with size 1."""
    if opset(node) < _FIRST_OPSET_OF_AXES_INPUT[op_type]:
        return build.op(op_type, value, axes=given, keepdims=1)
    return build.op(op_type, value, build.constant(np.array(given, np.int64)), keepdims=1)


def expand_reduction(build: NodeBuilder, node: ir.Node) -> ir.Value | None:
    """Return the result of ReduceL1, ReduceL2, ReduceLogSum, ReduceLogSumExp or ReduceSumSquare."""
    source = node.inputs[0]
    shape = None if source is None else static_shape(source)
    result = static_shape(node.outputs[0])
    if source is None or shape is None or result is None or source.dtype != ir.DataType.FLOAT:
        return None
    reduced = axes(node)
    if not axes_are_constant(node) or 0 in shape:
        return None
    if reduced is None and int_attribute(node, "noop_with_empty_axes", 0):
        return None
    given = sorted(axis % len(shape) for axis in reduced or range(len(shape)))
    whole = _FORMULAS[node.op_type](build, source, given, node)
    return whole if int_attribute(node, "keepdims", 1) else build.reshape(whole, result)


def _sum(build: NodeBuilder, value: ir.Value, given: list[int], node: ir.Node) -> ir.Value:
    return reduce_axes(build, "ReduceSum", value, given, node)


def _l1(build: NodeBuilder, source: ir.Value, given: list[int], node: ir.Node) -> ir.Value:
    return _sum(build, build.op("Abs", source), given, node)


def _squares(build: NodeBuilder, source: ir.Value, given: list[int], node: ir.Node) -> ir.Value:
    return _sum(build, build.op("Mul", source, source), given, node)


def _l2(build: NodeBuilder, source: ir.Value, given: list[int], node: ir.Node) -> ir.Value:
    return build.op("Sqrt", _squares(build, source, given, node))


def _log_sum(build: NodeBuilder, source: ir.Value, given: list[int], node: ir.Node) -> ir.Value:
    return build.op("Log", _sum(build, source, given, node))


def _log_sum_exp(build: NodeBuilder, source: ir.Value, given: list[int], node: ir.Node) -> ir.Value:
    # Below the greatest element, so that no exponential overflows.
    greatest = reduce_axes(build, "ReduceMax", source, given, node)
    exponentials = build.op("Exp", build.op("Sub", source, greatest))
    return build.op("Add", _log_sum(build, exponentials, given, node), greatest)


_FORMULAS: dict[str, Callable[[NodeBuilder, ir.Value, list[int], ir.Node], ir.Value]] = {
    "ReduceL1": _l1,
    "ReduceL2": _l2,
    "ReduceLogSum": _log_sum,
    "ReduceLogSumExp": _log_sum_exp,
    "ReduceSumSquare": _squares,
}
REDUCTIONS = tuple(_FORMULAS)
"""The operators that it knows."""
