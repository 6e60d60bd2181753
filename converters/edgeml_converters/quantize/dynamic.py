"""Int8 weights without calibration: activations are float, and rounded, if at all, as they come.

Products with a matrix become MatMulInteger behind DynamicQuantizeLinear, which onnxruntime fuses
into one kernel. Convolutions keep their float kernel and dequantize their weights: onnxruntime's
ConvInteger has no fast kernel for depthwise filters, and rounding a whole image to one scale costs
more accuracy than it saves time.
"""

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from edgeml_converters.graph.attributes import float_attribute, input_value, int_attribute
from edgeml_converters.graph.node_builder import NodeBuilder
from edgeml_converters.quantize.affine import QuantizedWeights, symmetric_weights
from edgeml_converters.quantize.constants import constant_floats
from edgeml_converters.quantize.eligibility import node_label
from edgeml_converters.quantize.lookups import quantize_lookups
from edgeml_converters.quantize.opset import raise_opset, refuse_quantized
from edgeml_converters.quantize.qdq_graph import QdqGraph
from edgeml_converters.quantize.summary import ExcludedNode, QuantizationSummary, store_summary
from edgeml_converters.quantize.weight_size import SMALLEST_ELEMENTS, is_worth_quantizing
from edgeml_runtime.errors import UnsupportedError

SCHEME = "dynamic"
_CHANNEL_AXES = {"Conv": 0, "ConvTranspose": 1}
_PRODUCTS = ("Gemm", "MatMul")
_SMALL = f"its weights have fewer than {SMALLEST_ELEMENTS} elements"


def quantize_dynamic(model: ir.Model) -> ir.Model:
    """Return *model* with int8 weights, symmetric per output channel, and float activations.

    Args:
        model: An optimized float graph; it is not changed.

    Returns:
        A new model with an opset of at least 13.

    Raises:
        UnsupportedError: No weights are large enough, the model is quantized already, or its opset
            cannot be raised.
    """
    raised = raise_opset(model)
    refuse_quantized(raised)
    result, lookups = quantize_lookups(raised)
    reasons = {node_label(n): reason for n in result.graph if (reason := _refusal(n)) is not None}
    chosen = [n for n in result.graph if _has_weights(n) and node_label(n) not in reasons]
    summary = QuantizationSummary(
        SCHEME,
        0,
        (*lookups, *(node_label(node) for node in chosen)),
        tuple(ExcludedNode(node, reason) for node, reason in reasons.items()),
    )
    if not summary.quantized:
        raise UnsupportedError(
            f"No weights of the model are worth 8 bits: none has {SMALLEST_ELEMENTS} elements.",
            "Convert it in float32, or int8 with --calibrate.",
        )
    qdq = QdqGraph(result.graph, frozenset())
    shared: dict[ir.Value, list[ir.Value]] = {}
    for node in chosen:
        if node.op_type in _PRODUCTS:
            _multiply_integers(result.graph, node, shared)
        else:
            quantized = symmetric_weights(_weights(node), _CHANNEL_AXES[node.op_type])
            axis = _CHANNEL_AXES[node.op_type]
            qdq.dequantize_channels(node, 1, quantized.values, quantized.scales, axis)
    store_summary(result, summary)
    RemoveUnusedNodesPass()(result)
    return result


def _has_weights(node: ir.Node) -> bool:
    known = not node.domain and node.op_type in (*_CHANNEL_AXES, *_PRODUCTS)
    return known and constant_floats(input_value(node, 1)) is not None


def _weights(node: ir.Node) -> np.ndarray:
    array = constant_floats(node.inputs[1])
    assert array is not None
    return array


def _refusal(node: ir.Node) -> str | None:
    """Return why the weights of *node* stay float32; None if they do not, or it has none."""
    if not _has_weights(node):
        return None
    array = _weights(node)
    if not np.isfinite(array).all():
        return "its weights are not finite"
    if node.op_type in _PRODUCTS and array.ndim != 2:
        return f"its constant matrix has {array.ndim} axes instead of 2"
    if node.op_type == "Gemm" and int_attribute(node, "transA", 0):
        return "it transposes its input"
    return None if is_worth_quantizing(array) else _SMALL


def _multiply_integers(
    graph: ir.Graph, node: ir.Node, shared: dict[ir.Value, list[ir.Value]]
) -> None:
    """Let a product of integers, scaled, stand for *node*.

    Args:
        graph: The graph of *node*.
        node: A Gemm or MatMul with a constant matrix.
        shared: Activations, with their integers, scale and zero point.
    """
    build = NodeBuilder(graph, node)
    source = node.inputs[0]
    assert source is not None
    if source not in shared:
        shared[source] = build.ops("DynamicQuantizeLinear", [source], 3)
    integers, scale, zero_point = shared[source]
    weights = _matrix(node)
    product = build.op("MatMulInteger", integers, build.constant(weights.values), zero_point)
    # onnxruntime fuses the nodes in this order only: the scales are multiplied first.
    scales = build.op("Mul", scale, build.constant(weights.scales))
    wide = build.op("Cast", product, to=int(ir.DataType.FLOAT))
    result = build.op("Mul", wide, scales)
    bias = input_value(node, 2)
    if bias is not None:
        beta = float_attribute(node, "beta", 1.0)
        if beta != 1.0:
            bias = build.op("Mul", bias, build.constant(np.array(beta, np.float32)))
        result = build.op("Add", result, bias)
    build.replace(node, [result])


def _matrix(node: ir.Node) -> QuantizedWeights:
    """Return the weights of a product, (inputs, outputs), with the factor of a Gemm."""
    weights = _weights(node) * np.float32(float_attribute(node, "alpha", 1.0))
    return symmetric_weights(weights.T if int_attribute(node, "transB", 0) else weights, axis=1)
