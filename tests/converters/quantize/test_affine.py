"""Invariants of the int8 arithmetic."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgeml_converters.quantize.affine import (
    BIAS_MAX,
    activation_quantization,
    bias_scales,
    quantize,
    quantize_bias,
    quantize_weights,
)

BOUNDS = st.floats(-(2.0**100), 2.0**100, width=32)
WEIGHTS = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=4),
    elements=st.floats(-(2.0**20), 2.0**20, width=32),
)
SCALES = st.floats(2.0**-33, 2.0**20, width=32)


@settings(deadline=None)
@given(BOUNDS, BOUNDS)
def test_zero_is_an_integer_of_every_range(one: float, other: float) -> None:
    quantization = activation_quantization(min(one, other), max(one, other))
    assert quantization.scale > 0
    assert quantization.scale == np.float32(quantization.scale)
    assert -128 <= quantization.zero_point <= 127
    assert quantize(np.zeros(1), quantization) == quantization.zero_point


@settings(deadline=None)
@given(BOUNDS, BOUNDS, st.floats(0, 1))
def test_values_in_the_range_come_back_within_one_step(
    one: float, other: float, place: float
) -> None:
    low, high = min(one, other), max(one, other)
    quantization = activation_quantization(low, high)
    value = np.float32(low * (1 - place) + high * place)
    integer = int(quantize(np.array([value]), quantization)[0])
    back = quantization.scale * (integer - quantization.zero_point)
    assert abs(back - value) <= quantization.scale * 1.001


def test_a_range_above_zero_starts_at_the_smallest_integer() -> None:
    assert activation_quantization(0.0, 6.0).zero_point == -128
    assert activation_quantization(-6.0, 0.0).zero_point == 127
    assert activation_quantization(3.0, 6.0) == activation_quantization(0.0, 6.0)


@settings(deadline=None)
@given(WEIGHTS, st.data(), SCALES)
def test_weights_come_back_within_half_a_step(
    weights: np.ndarray, data: st.DataObject, input_scale: float
) -> None:
    axis = data.draw(st.integers(0, weights.ndim - 1))
    quantized = quantize_weights(weights, axis, input_scale)
    assert quantized.scales.shape == (weights.shape[axis],)
    assert (quantized.scales > 0).all()
    assert np.abs(quantized.values.astype(int)).max() <= 127
    shape = [1] * weights.ndim
    shape[axis] = -1
    scales = quantized.scales.astype(np.float64).reshape(shape)
    assert (np.abs(quantized.values * scales - weights) <= scales * 0.50001).all()


@settings(deadline=None)
@given(
    hnp.arrays(np.float32, 5, elements=st.floats(-(2.0**20), 2.0**20, width=32)),
    hnp.arrays(np.float32, (5, 3), elements=st.floats(-(2.0**-10), 2.0**-10, width=32)),
    SCALES,
)
def test_a_bias_never_leaves_int32(
    bias: np.ndarray, weights: np.ndarray, input_scale: float
) -> None:
    quantized = quantize_weights(weights, 0, input_scale, bias)
    scales = bias_scales(input_scale, quantized.scales)
    integers = quantize_bias(bias, scales)
    assert np.isfinite(scales).all()
    assert (scales > 0).all()
    assert np.abs(integers.astype(np.int64)).max() <= BIAS_MAX * 1.0001
    # Doubles cannot be more exact than the float32 scales that the integers are multiplied by.
    tolerance = scales.astype(np.float64) / 2 + np.abs(bias.astype(np.float64)) * 1e-6
    assert (np.abs(integers * scales.astype(np.float64) - bias) <= tolerance).all()


def test_a_dead_channel_gets_a_scale_like_the_others() -> None:
    weights = np.array([[0.0, 0.0], [1.0, -2.0]], np.float32)
    quantized = quantize_weights(weights, 0, 1.0)
    assert quantized.scales[0] == quantized.scales[1]
    assert quantized.values.tolist() == [[0, 0], [64, -127]]
