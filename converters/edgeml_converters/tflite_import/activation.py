"""The activation that a TFLite operator applies to its own result."""

import math

import numpy as np
import onnx_ir as ir

from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.program import Tensor
from edgeml_converters.tflite_import.emitter import Emitter, is_quantized
from edgeml_converters.tflite_import.step import Step

_BOUNDS = {"RELU": (0.0, math.inf), "RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0)}


def activated(step: Step, emit: Emitter, value: ir.Value) -> ir.Value:
    """Return a value after the step's activation, which needs no node where it changes nothing.

    The integers of a quantized output seldom reach beyond the bounds: then rounding clips already.
    """
    kind = str(step.option("fused_activation_function", "NONE"))
    if kind == "NONE":
        return value
    if kind == "TANH":
        return emit.node("Tanh", value)
    if kind not in _BOUNDS:
        raise Refusal(f"the activation {kind} is not supported")
    low, high = _BOUNDS[kind]
    if _clips_already(step.output, low, high):
        return value
    return clipped(emit, value, low, high)


def clipped(emit: Emitter, value: ir.Value, low: float, high: float) -> ir.Value:
    """Append what confines a value to bounds."""
    if (low, high) == (0.0, math.inf):
        return emit.node("Relu", value)
    return emit.node("Clip", value, emit.number(low), emit.number(high))


def _clips_already(tensor: Tensor, low: float, high: float) -> bool:
    if not is_quantized(tensor) or tensor.affine is None:
        return False
    limits = np.iinfo(tensor.dtype)
    scale, zero_point = tensor.affine.scale[0], tensor.affine.zero_point[0]
    lowest = round(low / scale) + zero_point
    highest = limits.max if high == math.inf else round(high / scale) + zero_point
    return lowest <= limits.min and highest >= limits.max
