"""Turns an int8 TFLite file into the older uint8 form: one scale a tensor, asymmetric weights.

The quantized MobileNet v1 files that MLPerf ran are of this form, and TensorFlow Lite's built-in
kernels have code of their own for it. Our converter does not write it, as its accuracy is worse.

Source of the form: Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference" (https://arxiv.org/abs/1712.05877), section 2.
"""

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

_IDENTIFIER = b"TFL3"
_CONVOLUTIONS = {schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.DEPTHWISE_CONV_2D}


def as_per_tensor_uint8(content: bytes) -> bytes:
    """Return a uint8 file that computes about what an int8 file computes.

    Args:
        content: A file whose activations are all int8 and whose weights belong to convolutions.
    """
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    (graph,) = model.subgraphs
    for operator in graph.operators:
        if model.operatorCodes[operator.opcodeIndex].builtinCode in _CONVOLUTIONS:
            source, weights, bias = (graph.tensors[index] for index in operator.inputs)
            _requantize(model, source, weights, bias)
    for tensor in graph.tensors:
        if tensor.type == schema.TensorType.INT8:
            tensor.type = schema.TensorType.UINT8
            tensor.quantization.zeroPoint = [zero + 128 for zero in tensor.quantization.zeroPoint]
    for code in model.operatorCodes:
        code.version = 1  # the first version of every operator knew float32 and uint8
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


def _requantize(
    model: schema.ModelT, source: schema.TensorT, weights: schema.TensorT, bias: schema.TensorT
) -> None:
    """Give weights and bias one scale in place of one a channel."""
    axis = weights.quantization.quantizedDimension
    scales = np.asarray(weights.quantization.scale, np.float64)
    along = [1] * len(weights.shape)
    along[axis] = -1
    real = _read(model, weights, np.int8) * scales.reshape(along)
    low, high = min(float(real.min()), 0.0), max(float(real.max()), 0.0)
    scale = (high - low) / 255
    zero_point = round(-low / scale)
    _write(model, weights, np.clip(np.round(real / scale) + zero_point, 0, 255).astype(np.uint8))
    weights.type = schema.TensorType.UINT8
    _set_affine(weights, scale, zero_point)
    input_scale = float(source.quantization.scale[0])
    integers = _read(model, bias, np.int32) * (scales / scale)
    _write(model, bias, np.round(integers).astype(np.int32))
    _set_affine(bias, input_scale * scale, 0)


def _read(
    model: schema.ModelT, tensor: schema.TensorT, dtype: npt.DTypeLike
) -> npt.NDArray[np.float64]:
    data = np.asarray(model.buffers[tensor.buffer].data, np.uint8)
    return data.view(dtype).reshape(tensor.shape).astype(np.float64)


def _write(model: schema.ModelT, tensor: schema.TensorT, array: npt.NDArray[np.generic]) -> None:
    model.buffers[tensor.buffer].data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _set_affine(tensor: schema.TensorT, scale: float, zero_point: int) -> None:
    tensor.quantization.scale = [scale]
    tensor.quantization.zeroPoint = [zero_point]
    tensor.quantization.quantizedDimension = 0
