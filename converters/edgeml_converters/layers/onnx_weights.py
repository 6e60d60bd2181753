"""The integer weights of an ONNX graph's products."""

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.attributes import int_attribute
from edgeml_converters.graph.constants import constant_array
from edgeml_converters.layers.weights import Weights, weights_of

_PRODUCTS = ("Conv", "Gemm", "MatMul")


def onnx_weights(node: ir.Node) -> Weights | None:
    """Return the weights of *node*; None where it has no constant integer weights."""
    if node.op_type not in _PRODUCTS or node.domain or len(node.inputs) < 2:
        return None
    value = node.inputs[1]
    source = None if value is None else value.producer()
    if source is None or source.op_type != "DequantizeLinear" or source.domain:
        return None
    parts = [None if value is None else constant_array(value) for value in source.inputs]
    integers, scales = parts[0], parts[1]
    if integers is None or scales is None or integers.dtype.kind not in "iu":
        return None
    steps = integers.astype(np.int32)
    if len(parts) > 2 and parts[2] is not None:
        steps = steps - _along(parts[2], steps.ndim, int_attribute(source, "axis", 1))
    arranged = _arranged(node, steps)
    groups = int_attribute(node, "group", 1) if node.op_type == "Conv" else 1
    return None if arranged is None else weights_of(arranged, scales, groups)


def _along(zero_points: np.ndarray, rank: int, axis: int) -> np.ndarray:
    """Return zero points so that they meet the weights, one for all or one along an axis."""
    numbers = zero_points.astype(np.int32)
    if numbers.size == 1:
        return numbers.reshape(())
    shape = [1] * rank
    shape[axis] = numbers.size
    return numbers.reshape(shape)


def _arranged(node: ir.Node, steps: np.ndarray) -> np.ndarray | None:
    """Return weights as (output channels, channels of a group, taps)."""
    if node.op_type == "Conv" and steps.ndim >= 3:
        return steps.reshape(*steps.shape[:2], -1)
    if node.op_type == "Conv" or steps.ndim != 2:
        return None
    rows = steps if node.op_type == "Gemm" and int_attribute(node, "transB", 0) else steps.T
    return rows[:, :, None]
