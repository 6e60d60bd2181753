"""Reads QuantizeLinear and DequantizeLinear: the scales and zero points of a QDQ graph.

Unsigned 8-bit values become signed ones by taking 128 from value and zero point alike, which is the
same arithmetic; TFLite's kernels are written for int8.
"""

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.attributes import constant_input, input_value, int_attribute
from edgeml_converters.graph.constants import constant_array
from edgeml_converters.tflite.program import Affine

QUANTIZED_TYPES = {ir.DataType.INT8, ir.DataType.UINT8, ir.DataType.INT16, ir.DataType.INT32}


def is_quantize(node: ir.Node | None) -> bool:
    """Whether a node is QuantizeLinear."""
    return node is not None and node.op_type == "QuantizeLinear" and not node.domain


def is_dequantize(node: ir.Node | None) -> bool:
    """Whether a node is DequantizeLinear."""
    return node is not None and node.op_type == "DequantizeLinear" and not node.domain


def affine_of(node: ir.Node) -> Affine | None:
    """Return the (signed) quantization that a QuantizeLinear or DequantizeLinear applies.

    ``None`` when it is not constant, is blockwise, or is of a type other than int8, uint8,
    int16 and int32.
    """
    scale = constant_input(node, 1)
    zero_value = input_value(node, 2)
    zero_point = constant_input(node, 2)
    quantized = node.outputs[0] if is_quantize(node) else node.inputs[0]
    if scale is None or quantized is None or int_attribute(node, "block_size", 0):
        return None
    if zero_value is not None and zero_point is None:
        return None
    dtype = quantized.dtype if zero_value is None else zero_value.dtype
    if dtype is None and is_quantize(node):
        dtype = ir.DataType.UINT8
    if dtype not in QUANTIZED_TYPES:
        return None
    scales = scale.astype(np.float32).reshape(-1)
    zeros = np.zeros(len(scales), np.int64)
    if zero_point is not None:
        zeros = zero_point.astype(np.int64).reshape(-1)
    if dtype == ir.DataType.UINT8:
        zeros, dtype = zeros - 128, ir.DataType.INT8
    rank = 0 if quantized.shape is None else quantized.shape.rank()
    axis = int_attribute(node, "axis", 1) % max(rank, 1) if len(scales) > 1 else 0
    if dtype == ir.DataType.INT16 and zeros.any():
        return None  # TFLite's kernels demand that it is zero
    held = (tuple(float(s) for s in scales), tuple(int(z) for z in zeros))
    return Affine(*held, axis, dtype.numpy().name)


def quantized_constant(value: ir.Value) -> tuple[np.ndarray, Affine] | None:
    """Return the signed integers and quantization of a constant behind DequantizeLinear."""
    node = value.producer()
    if node is None or not is_dequantize(node) or node.inputs[0] is None:
        return None
    array = constant_array(node.inputs[0])
    affine = affine_of(node)
    if array is None or affine is None:
        return None
    if array.dtype == np.uint8:
        array = (array.astype(np.int16) - 128).astype(np.int8)
    return array, affine


def real_constant(value: ir.Value) -> np.ndarray | None:
    """Return a constant as its readers see it: dequantized where it is quantized."""
    quantized = quantized_constant(value)
    if quantized is None:
        return constant_array(value)
    array, affine = quantized
    along = [1] * array.ndim
    if not affine.per_tensor:
        along[affine.axis] = -1
    scale = np.array(affine.scale, np.float32).reshape(along)
    zero_point = np.array(affine.zero_point, np.int32).reshape(along)
    return ((array.astype(np.int32) - zero_point) * scale).astype(np.float32).reshape(array.shape)


def is_constant(value: ir.Value) -> bool:
    """Whether a value is a constant, possibly behind DequantizeLinear."""
    return constant_array(value) is not None or quantized_constant(value) is not None


def unquantized(value: ir.Value) -> ir.Value:
    """Return the value at the start of a chain of QuantizeLinear and DequantizeLinear."""
    node = value.producer()
    while node is not None and (is_quantize(node) or is_dequantize(node)):
        source = node.inputs[0]
        assert source is not None
        value, node = source, source.producer()
    return value


def written_affine(value: ir.Value) -> Affine | None:
    """Return the quantization that every reader of a value applies to it.

    ``None`` when the value is also read as float, is an output of the graph, or is quantized in
    two ways.
    """
    if value.is_graph_output() or not value.uses():
        return None
    found = {affine_of(use.node) if is_quantize(use.node) else None for use in value.uses()}
    affine = found.pop()
    return affine if not found and affine is not None and affine.per_tensor else None
