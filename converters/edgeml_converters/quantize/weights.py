"""Weights and biases of Conv, Gemm and MatMul as integers."""

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgeml_converters.graph.attributes import float_attribute
from edgeml_converters.quantize.affine import (
    INT16,
    Grid,
    bias_scales,
    quantize_bias,
    quantize_weights,
)
from edgeml_converters.quantize.constants import constant_floats, optional_input
from edgeml_converters.quantize.eligibility import output_channels_axis
from edgeml_converters.quantize.qdq_graph import QdqGraph
from edgeml_converters.quantize.rules import Rule


def quantize_weighted(
    graph: QdqGraph, node: ir.Node, rule: Rule, input_scale: float, grid: Grid
) -> None:
    """Replace the weights of *node*, and its bias if it has one, by integers.

    The factors ``alpha`` and ``beta`` of a Gemm are multiplied in, since integer kernels have none.
    """
    assert rule.weights is not None
    weights = constant_floats(optional_input(node, rule.weights))
    assert weights is not None
    axis = output_channels_axis(node)
    weights = weights * np.float32(float_attribute(node, "alpha", 1.0))
    bias = _bias(node, rule, channels=weights.shape[axis])
    quantized = quantize_weights(weights, axis, input_scale, bias)
    # onnxruntime computes no product with 16-bit activations, and makes one of 8 bits of it
    # (MatMulNBits) where the axis of the weights is written as 1. Written as -1 it stays float.
    shown = axis - weights.ndim if grid is INT16 and axis == weights.ndim - 1 else axis
    graph.dequantize_channels(node, rule.weights, quantized.values, quantized.scales, shown)
    if bias is not None:
        assert rule.bias is not None
        scales = bias_scales(input_scale, quantized.scales)
        graph.dequantize_channels(node, rule.bias, quantize_bias(bias, scales), scales, axis=0)
    node.attributes.pop("alpha", None)
    node.attributes.pop("beta", None)


def _bias(node: ir.Node, rule: Rule, channels: int) -> npt.NDArray[np.float32] | None:
    bias = constant_floats(optional_input(node, rule.bias))
    if bias is None:
        return None
    beta = np.float32(float_attribute(node, "beta", 1.0))
    return np.broadcast_to(bias.reshape(-1) * beta, (channels,))
