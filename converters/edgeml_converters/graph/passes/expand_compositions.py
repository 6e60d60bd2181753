"""Writes operators that the standard does not define as functions as what they are made of.

Only the TFLite writer asks for this: ONNX engines have the operators themselves.
"""

import math
from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.attributes import (
    Padding,
    float_attribute,
    input_value,
    int_attribute,
    opset,
    padding,
)
from edgeml_converters.graph.constants import constant_array, static_shape
from edgeml_converters.graph.node_builder import NodeBuilder
from edgeml_converters.graph.passes.expand_layer_norm import expand_layer_norm
from edgeml_converters.graph.passes.expand_reductions import (
    REDUCTIONS,
    expand_reduction,
    reduce_axes,
)

_FIRST_OPSET_OF_CLIP_INPUTS = 11
_Expansion = Callable[[NodeBuilder, ir.Node], ir.Value | None]


def expand_compositions(model: ir.Model) -> bool:
    """Expand what the table knows in the main graph; return whether there was anything."""
    changed = False
    for node in list(model.graph):
        expansion = _TABLE.get(node.op_type) if not node.domain else None
        if expansion is None or any(o.uses() or o.is_graph_output() for o in node.outputs[1:]):
            continue
        build = NodeBuilder(model.graph, node)
        result = expansion(build, node)
        if result is not None:
            build.replace(node, [result])
            changed = True
    return changed


def _given(node: ir.Node, index: int) -> ir.Value:
    value = input_value(node, index)
    assert value is not None
    return value


def _gemm(build: NodeBuilder, node: ir.Node) -> ir.Value | None:
    a, b, c = _given(node, 0), _given(node, 1), input_value(node, 2)
    direct = not int_attribute(node, "transA", 0) and _is_constant(b)
    if direct and (c is None or (_is_constant(c) and _is_row(c))):
        return None
    if a.dtype != ir.DataType.FLOAT:
        return None
    if int_attribute(node, "transA", 0):
        a = build.op("Transpose", a, perm=[1, 0])
    if int_attribute(node, "transB", 0):
        b = build.op("Transpose", b, perm=[1, 0])
    result = build.op("MatMul", a, b)
    alpha, beta = (float_attribute(node, name, 1.0) for name in ("alpha", "beta"))
    if alpha != 1.0:
        result = build.op("Mul", result, build.constant(np.array(alpha)))
    if c is None:
        return result
    if beta != 1.0:
        c = build.op("Mul", c, build.constant(np.array(beta)))
    return build.op("Add", result, c)


def _is_constant(value: ir.Value) -> bool:
    producer = value.producer()
    quantized = producer is not None and producer.op_type == "DequantizeLinear"
    return quantized or constant_array(value) is not None


def _is_row(value: ir.Value) -> bool:
    """Whether a bias is the same for each row of the result."""
    shape = static_shape(value)
    return shape is not None and (math.prod(shape[:-1]) == 1)


def _matmul(build: NodeBuilder, node: ir.Node) -> ir.Value | None:
    a, b = _given(node, 0), _given(node, 1)
    shapes = static_shape(a), static_shape(b)
    result = static_shape(node.outputs[0])
    if shapes[0] is None or shapes[1] is None or result is None:
        return None
    if min(len(shapes[0]), len(shapes[1])) > 1:
        return None
    if len(shapes[0]) == 1:
        a = build.reshape(a, (1, *shapes[0]))
    if len(shapes[1]) == 1:
        b = build.reshape(b, (*shapes[1], 1))
    return build.reshape(build.op("MatMul", a, b), result)


def _mean(build: NodeBuilder, node: ir.Node) -> ir.Value:
    values = [value for value in node.inputs if value is not None]
    total = values[0]
    for value in values[1:]:
        total = build.op("Add", total, value)
    return build.op("Mul", total, build.constant(np.array(1 / len(values))))


def _instance_norm(build: NodeBuilder, node: ir.Node) -> ir.Value | None:
    source = _given(node, 0)
    shape = static_shape(source)
    if shape is None:
        return None
    axes = list(range(2, len(shape)))
    centred = build.op("Sub", source, reduce_axes(build, "ReduceMean", source, axes, node))
    variance = reduce_axes(build, "ReduceMean", build.op("Mul", centred, centred), axes, node)
    epsilon = build.constant(np.array(float_attribute(node, "epsilon", 1e-5)))
    normal = build.op("Div", centred, build.op("Sqrt", build.op("Add", variance, epsilon)))
    along = (1, -1, *(1 for _ in axes))
    scale, offset = (build.reshape(_given(node, at), along) for at in (1, 2))
    return build.op("Add", build.op("Mul", normal, scale), offset)


def _hard_sigmoid(build: NodeBuilder, node: ir.Node) -> ir.Value | None:
    """A line cut off at 0 and 1, with its factor last: what is before may go into a bias."""
    source = _given(node, 0)
    maker = source.producer()
    if maker is not None and maker.op_type == "DequantizeLinear":
        return None  # in integers it is written whole
    alpha, beta = (float_attribute(node, name, d) for name, d in (("alpha", 0.2), ("beta", 0.5)))
    if source.dtype != ir.DataType.FLOAT or alpha <= 0 or opset(node) < _FIRST_OPSET_OF_CLIP_INPUTS:
        return None
    end = 1 / alpha
    end = round(end) if math.isclose(end, round(end), rel_tol=1e-6) else end  # 6, as RELU6 has it
    moved = build.op("Add", source, build.constant(np.array(beta / alpha)))
    bounds = (build.constant(np.array(bound, np.float32)) for bound in (0.0, end))
    return build.op("Mul", build.op("Clip", moved, *bounds), build.constant(np.array(alpha)))


def _lp_norm(build: NodeBuilder, node: ir.Node) -> ir.Value | None:
    source = _given(node, 0)
    shape = static_shape(source)
    if shape is None:
        return None
    axis = int_attribute(node, "axis", -1) % len(shape)
    if int_attribute(node, "p", 2) == 1:
        size = reduce_axes(build, "ReduceSum", build.op("Abs", source), [axis], node)
    else:
        squares = build.op("Mul", source, source)
        size = build.op("Sqrt", reduce_axes(build, "ReduceSum", squares, [axis], node))
    # A vector of zeros stays one: its size is taken as the least normal number.
    least = build.constant(np.array(np.finfo(np.float32).tiny))
    return build.op("Div", source, build.op("Max", size, least))


def _pad(build: NodeBuilder, node: ir.Node) -> ir.Value | None:
    """Padding with the tensor's own elements, and cutting: a choice of elements of each axis."""
    source = _given(node, 0)
    shape = static_shape(source)
    added = None if shape is None else padding(node, len(shape))
    if added is None or shape is None:
        return None
    cuts = min((*added.before, *added.after), default=0) < 0
    if added.mode == "constant" and not cuts:
        return None
    if added.mode == "constant":
        return _cut_and_pad(build, source, shape, added)
    numpy_mode = {"reflect": "reflect", "edge": "edge", "wrap": "wrap"}.get(added.mode)
    if numpy_mode is None or cuts or 0 in shape:
        return None
    value = source
    for axis, (before, after) in enumerate(zip(added.before, added.after, strict=True)):
        if before or after:
            places = np.pad(np.arange(shape[axis]), (before, after), mode=numpy_mode)  # type: ignore[call-overload]  # one of three literals
            value = build.op("Gather", value, build.constant(places.astype(np.int64)), axis=axis)
    return value


def _cut_and_pad(
    build: NodeBuilder, source: ir.Value, shape: tuple[int, ...], added: Padding
) -> ir.Value:
    value = source
    for axis, (first, last) in enumerate(zip(added.before, added.after, strict=True)):
        if first < 0 or last < 0:
            kept = np.arange(max(0, -first), shape[axis] - max(0, -last))
            value = build.op("Gather", value, build.constant(kept), axis=axis)
    amounts = [max(0, amount) for amount in (*added.before, *added.after)]
    if not any(amounts):
        return value
    pads = build.constant(np.array(amounts, np.int64))
    return build.op("Pad", value, pads, build.constant(np.array(added.value)))


_TABLE: dict[str, _Expansion] = {
    "Gemm": _gemm,
    "HardSigmoid": _hard_sigmoid,
    "InstanceNormalization": _instance_norm,
    "LayerNormalization": expand_layer_norm,
    "LpNormalization": _lp_norm,
    "MatMul": _matmul,
    "Mean": _mean,
    "Pad": _pad,
    **dict.fromkeys(REDUCTIONS, expand_reduction),
}
