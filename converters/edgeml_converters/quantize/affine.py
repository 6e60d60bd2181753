"""The arithmetic of int8: scales and zero points from ranges, and integers from numbers.

``real = scale * (q - zero_point)``, after Jacob et al., "Quantization and Training of Neural
Networks for Efficient Integer-Arithmetic-Only Inference" (2018), with the ranges of the TensorFlow
Lite 8-bit quantization specification: activations -128..127, weights -127..127, biases int32. Where
activations have 16 bits, TensorFlow Lite demands that their zero point is 0.
Scales are float32 everywhere, as the model files hold them.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgeml_runtime.tensors import Quantization

WEIGHT_MAX = 127
# Half of int32 is left to the sum of products that is added to the bias.
BIAS_MAX = 1 << 30
# A channel this much weaker than the strongest adds nothing; smaller scales only risk underflow.
WEAKEST_CHANNEL = 2.0**-24
SMALLEST_SCALE = 1e-30  # leaves room for the product of two scales in a normal float32
SMALLEST_PRODUCT = float(np.finfo(np.float32).tiny) * 4

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Grid:
    """The integers that activations are rounded to.

    Args:
        dtype: The numpy name of their type.
        symmetric: Whether the zero point is 0.
    """

    dtype: str
    symmetric: bool

    @property
    def low(self) -> int:
        """The smallest integer."""
        return int(np.iinfo(self.dtype).min)

    @property
    def high(self) -> int:
        """The largest integer."""
        return int(np.iinfo(self.dtype).max)


INT8: Final = Grid("int8", symmetric=False)
INT16: Final = Grid("int16", symmetric=True)


@dataclass(frozen=True)
class QuantizedWeights:
    """Weights as integers.

    Args:
        values: int8, of the shape of the weights.
        scales: float32, one for each output channel.
    """

    values: npt.NDArray[np.int8]
    scales: npt.NDArray[np.float32]


def activation_quantization(low: float, high: float, grid: Grid = INT8) -> Quantization:
    """Return the scale and zero point, on *grid*, for values between *low* and *high*.

    The range is widened to hold zero and nudged so that zero is an integer: padding and Relu are
    then exact.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        low, high = 0.0, 1.0  # always zero: any scale holds it
    if grid.symmetric:
        largest = max(high, -low) / grid.high
        return Quantization(float(np.float32(max(largest, SMALLEST_SCALE))), 0)
    steps = grid.high - grid.low
    scale = float(np.float32(max(high / steps - low / steps, SMALLEST_SCALE)))
    zero_point = round(grid.low - low / scale)
    return Quantization(scale, min(max(zero_point, grid.low), grid.high))


def quantize(
    values: Floats, quantization: Quantization, grid: Grid = INT8
) -> npt.NDArray[np.signedinteger[Any]]:
    """Return *values* on *grid*, rounded half to even and saturated, as QuantizeLinear does."""
    steps = np.rint(np.asarray(values, np.float32) / np.float32(quantization.scale))
    shifted = steps.astype(np.float64) + quantization.zero_point
    return np.asarray(np.clip(shifted, grid.low, grid.high), grid.dtype)


def quantize_weights(
    weights: Floats, axis: int, input_scale: float, bias: Floats | None = None
) -> QuantizedWeights:
    """Return *weights* as int8, symmetrically, with one scale for each index of *axis*.

    Where the scale of a channel is so small that its bias would leave int32 at the scale
    ``input_scale * scale``, the scale is enlarged: the weights lose bits that the bias drowns.

    Args:
        weights: float array.
        axis: The axis of the output channels.
        input_scale: Scale of the activations that are multiplied.
        bias: (channels,) or None.
    """
    largest = _largest(weights, axis)
    scales = np.maximum(largest / WEIGHT_MAX, largest.max(initial=0.0) * WEAKEST_CHANNEL)
    scales[largest == 0.0] = scales.max(initial=0.0) or 1.0
    if bias is not None:
        scales = np.maximum(scales, np.abs(bias, dtype=np.float64) / BIAS_MAX / input_scale)
    return _rounded(weights, axis, np.maximum(scales, SMALLEST_PRODUCT / input_scale))


def symmetric_weights(weights: Floats, axis: int) -> QuantizedWeights:
    """Return *weights* as int8, symmetrically, with one scale for each index of *axis*.

    They are to be multiplied by float activations, or by such of a scale that is not known yet.
    """
    scales = _largest(weights, axis) / WEIGHT_MAX
    scales[scales == 0.0] = 1.0
    return _rounded(weights, axis, np.maximum(scales, SMALLEST_SCALE))


def _largest(weights: Floats, axis: int) -> npt.NDArray[np.float64]:
    """Return the largest magnitude of each channel."""
    others = tuple(index for index in range(weights.ndim) if index != axis % weights.ndim)
    return np.asarray(np.abs(weights, dtype=np.float64).max(axis=others, initial=0.0))


def _rounded(weights: Floats, axis: int, channel_scales: Floats) -> QuantizedWeights:
    scales = channel_scales.astype(np.float32)
    shape = [1] * weights.ndim
    shape[axis] = -1
    steps = np.rint(weights / scales.reshape(shape).astype(np.float64))
    return QuantizedWeights(np.clip(steps, -WEIGHT_MAX, WEIGHT_MAX).astype(np.int8), scales)


def bias_scales(
    input_scale: float, weight_scales: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Return the scales of a bias: those of the products that it is added to."""
    return np.float32(input_scale) * weight_scales


def quantize_bias(bias: Floats, scales: npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
    """Return *bias* (channels,) as int32 with the scales of :func:`bias_scales`."""
    return np.rint(np.asarray(bias, np.float64) / scales.astype(np.float64)).astype(np.int32)
