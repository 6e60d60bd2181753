"""Weights and biases: when they can be integer, and how they are stored."""

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.attributes import input_value
from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.program import Affine, Tensor
from edgeml_converters.tflite.quantization import (
    is_constant,
    quantized_constant,
    real_constant,
    written_affine,
)
from edgeml_converters.tflite.step import Step

BIAS_LIMITS = {"int32": 2**31 - 1, "int64": 2**39}
"""The largest bias: of 64 bits the kernels keep 40 where they scale the sum."""


def weighted_affine(step: Step, channel_axis: int) -> Affine | None:
    """Integer rule of convolutions and matrix products with constant weights.

    The input is int8 or int16 per tensor; the weights are symmetric int8, per tensor or per output
    channel; the bias is constant; and all readers of the output quantize it to the input's type.
    """
    weights = step.value(1)
    bias = input_value(step.node, 2)
    quantized = quantized_constant(weights)
    if step.value(0) not in step.carried or quantized is None:
        return None
    array, affine = quantized
    if array.dtype != np.int8 or any(affine.zero_point):
        return None
    if not affine.per_tensor and affine.axis != channel_axis:
        return None
    if bias is not None and not is_constant(bias):
        return None
    written = written_affine(step.output)
    same = written is not None and written.dtype == step.carried[step.value(0)].dtype
    return written if same else None


def real_or_integer_bias(
    step: Step, emit: Emitter, source: Tensor, weights: Tensor, channels: int
) -> Tensor:
    """Return the bias tensor: float32, or integers at the scale ``input * weights``.

    These are int64 beside an input of 16 bits, else int32. A bias that the source does not have is
    zero: older kernels want one.
    """
    bias: ir.Value | None = input_value(step.node, 2)
    name = f"{weights.name}/bias" if bias is None else str(bias.name)
    array = np.zeros(channels, np.float32) if bias is None else real_constant(bias)
    if array is None:
        raise Refusal("its bias is not constant")
    array = np.broadcast_to(array.reshape(-1), (channels,))
    if source.affine is None or weights.affine is None:
        return emit.constant(name, array.astype(np.float32))
    dtype = np.dtype(np.int64 if source.dtype == np.int16 else np.int32)
    scale = np.array(weights.affine.scale, np.float32) * np.float32(source.affine.scale[0])
    stored = None if bias is None else quantized_constant(bias)
    if stored is not None and stored[0].dtype == np.int32 and _is_at(stored[1], scale):
        integers = np.broadcast_to(stored[0].reshape(-1), (channels,)).astype(dtype)
    else:
        limit = BIAS_LIMITS[dtype.name]
        rounded = np.rint(array.astype(np.float64) / scale.astype(np.float64))
        integers = np.clip(rounded, -limit, limit).astype(dtype)
    affine = Affine(tuple(float(s) for s in scale), (0,) * len(scale), 0, dtype.name)
    return emit.constant(name, integers, affine)


def _is_at(affine: Affine, scale: np.ndarray) -> bool:
    """Whether a stored bias has the scale ``input * weights``, up to rounding of float32."""
    stored = np.array(affine.scale, np.float32)
    return not any(affine.zero_point) and bool(
        np.allclose(
            np.broadcast_to(stored, np.broadcast_shapes(stored.shape, scale.shape)),
            scale,
            rtol=1e-5,
            atol=0.0,
        )
    )
