"""Quantized files keep their scales, zero points and integers, and give LiteRT's results."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
import pytest

from edgeml_converters.graph.constants import constant_array
from edgeml_converters.tflite import write_tflite
from edgeml_converters.tflite_import import import_tflite
from edgeml_converters.tflite_import.reading import read_program
from edgeml_runtime.errors import InputError, UnsupportedError

if TYPE_CHECKING:
    from tests.converters.tflite_import.conftest import File, Imported

Same = Callable[..., "Imported"]
Quantized = tuple[list[float], list[int], int]
IN: Quantized = ([0.05], [-3], 0)
OUT: Quantized = ([0.1], [5], 0)
RNG = np.random.default_rng(5)
CONV = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
RELU6 = 3


def _weights(file: File, shape: tuple[int, ...], axis: int, input_scale: float) -> tuple[int, int]:
    """Add int8 weights with a scale for each index of *axis*, and their int32 bias."""
    scales = RNG.uniform(0.005, 0.02, shape[axis])
    zeros = [0] * len(scales)
    weights = file.constant(
        RNG.integers(-127, 128, shape), "int8", quantized=(list(scales), zeros, axis)
    )
    biases = RNG.integers(-500, 500, len(scales))
    bias = file.constant(biases, "int32", quantized=(list(scales * input_scale), zeros, 0))
    return weights, bias


def _conv(file: File, activation: int = 0) -> bytes:
    source = file.input((1, 5, 6, 4), "int8", quantized=IN)
    weights, bias = _weights(file, (7, 3, 3, 4), 0, IN[0][0])
    made = file.tensor((1, 5, 6, 7), "int8", quantized=OUT)
    file.op(
        "CONV_2D",
        [source, weights, bias],
        [made],
        "Conv2DOptions",
        fusedActivationFunction=activation,
        **CONV,
    )
    return file.finish(made)


def test_weights_keep_their_integers_and_scales(tflite: File, same: Same) -> None:
    model = same(_conv(tflite), steps=1).model
    conv = next(node for node in model.graph if node.op_type == "Conv")
    for place, stored, axis in ((1, 1, 0), (2, 2, 0)):
        value = conv.inputs[place]
        assert value is not None
        node = value.producer()
        assert node is not None
        assert node.op_type == "DequantizeLinear"
        integers, scale = (constant_array(node.inputs[at]) for at in (0, 1))  # type: ignore[arg-type]  # never left out
        buffer = tflite.buffers[stored].data
        assert integers is not None
        given = integers.transpose(0, 2, 3, 1) if place == 1 else integers
        assert given.tobytes() == buffer.tobytes()
        entry = tflite.tensors[stored].quantization
        np.testing.assert_array_equal(scale, np.array(entry.scale, np.float32))
        assert node.attributes.get_int("axis", 1) == axis


def test_an_activation_stays_where_the_output_goes_beyond(tflite: File, same: Same) -> None:
    assert "Clip" in same(_conv(tflite, RELU6), steps=1).ops


def test_a_clipping_output_range_is_the_activation(tflite: File, same: Same) -> None:
    source = tflite.input((1, 5, 6, 4), "int8", quantized=IN)
    weights, bias = _weights(tflite, (7, 3, 3, 4), 0, IN[0][0])
    made = tflite.tensor((1, 5, 6, 7), "int8", quantized=([6 / 255], [-128], 0))
    options = {"fusedActivationFunction": RELU6, **CONV}
    tflite.op("CONV_2D", [source, weights, bias], [made], "Conv2DOptions", **options)
    assert "Clip" not in same(tflite.finish(made), steps=1).ops


def test_a_depthwise_convolution(tflite: File, same: Same) -> None:
    source = tflite.input((1, 5, 6, 4), "int8", quantized=IN)
    weights, bias = _weights(tflite, (1, 3, 3, 4), 3, IN[0][0])
    made = tflite.tensor((1, 5, 6, 4), "int8", quantized=OUT)
    options = {"depthMultiplier": 1, **CONV}
    tflite.op(
        "DEPTHWISE_CONV_2D", [source, weights, bias], [made], "DepthwiseConv2DOptions", **options
    )
    assert same(tflite.finish(made), steps=1).ops.count("Transpose") == 2


def test_unsigned_integers_with_a_zero_point_in_the_weights(tflite: File, same: Same) -> None:
    """The form of files before 2020."""
    source = tflite.input((2, 8), "uint8", quantized=([0.02], [100], 0))
    weights = tflite.constant(RNG.integers(0, 256, (5, 8)), "uint8", quantized=([0.01], [120], 0))
    bias = tflite.constant(RNG.integers(-90, 90, 5), "int32", quantized=([0.0002], [0], 0))
    made = tflite.tensor((2, 5), "uint8", quantized=([0.03], [128], 0))
    tflite.op("FULLY_CONNECTED", [source, weights, bias], [made], "FullyConnectedOptions")
    same(tflite.finish(made), {"t0": RNG.integers(0, 256, (2, 8)).astype(np.uint8)}, steps=1)


def test_sixteen_bit_activations_raise_the_opset(tflite: File, same: Same) -> None:
    source = tflite.input((2, 8), "int16", quantized=([0.001], [0], 0))
    weights = tflite.constant(RNG.integers(-127, 128, (5, 8)), "int8", quantized=([0.01], [0], 0))
    bias = tflite.constant(RNG.integers(-900, 900, 5), "int64", quantized=([0.00001], [0], 0))
    made = tflite.tensor((2, 5), "int16", quantized=([0.002], [0], 0))
    tflite.op(
        "FULLY_CONNECTED", [source, weights, bias], [made], "FullyConnectedOptions", version=4
    )
    feeds = {"t0": RNG.integers(-3000, 3000, (2, 8)).astype(np.int16)}
    assert same(tflite.finish(made), feeds, steps=1).model.opset_imports[""] == 21


@pytest.mark.parametrize("code", ["ADD", "MUL", "SUB"])
def test_sums_and_products_rescale(code: str, tflite: File, same: Same) -> None:
    first = tflite.input((1, 5, 6, 4), "int8", quantized=IN)
    second = tflite.constant(RNG.integers(-128, 128, 4), "int8", quantized=([0.02], [7], 0))
    made = tflite.tensor((1, 5, 6, 4), "int8", quantized=([0.08], [-4], 0))
    tflite.op(code, [first, second], [made], f"{code.title()}Options")
    same(tflite.finish(made), steps=1)


def test_what_moves_elements_stays_exact(tflite: File, same: Same) -> None:
    source = tflite.input((1, 5, 6, 4), "int8", quantized=IN)
    pads = tflite.constant([[0, 0], [1, 1], [0, 0], [0, 0]], "int32")
    padded = tflite.tensor((1, 7, 6, 4), "int8", quantized=IN)
    tflite.op("PAD", [source, pads], [padded])
    pooled = tflite.tensor((1, 4, 3, 4), "int8", quantized=IN)
    window = {"filterHeight": 2, "filterWidth": 2, "strideH": 2, "strideW": 2}
    tflite.op("MAX_POOL_2D", [padded], [pooled], "Pool2DOptions", **window)
    joined = tflite.tensor((1, 4, 3, 8), "int8", quantized=IN)
    tflite.op("CONCATENATION", [pooled, pooled], [joined], "ConcatenationOptions", axis=3)
    flat = tflite.tensor((1, 96), "int8", quantized=IN)
    tflite.op("RESHAPE", [joined, tflite.constant([1, 96], "int32")], [flat])
    same(tflite.finish(flat), steps=0)


def test_a_softmax_and_a_change_of_type(tflite: File, same: Same) -> None:
    source = tflite.input((2, 10), "int8", quantized=IN)
    shares = tflite.tensor((2, 10), "int8", quantized=([1 / 256], [-128], 0))
    tflite.op("SOFTMAX", [source], [shares], "SoftmaxOptions", beta=1.0)
    unsigned = tflite.tensor((2, 10), "uint8", quantized=([1 / 256], [0], 0))
    tflite.op("QUANTIZE", [shares], [unsigned])
    same(tflite.finish(unsigned), steps=1)


def test_weights_alone_stay_integers(tflite: File, both: Same) -> None:
    """LiteRT rounds the other factor too as it runs; the graph does not."""
    source = tflite.input((2, 8))
    weights = tflite.constant(RNG.integers(-127, 128, (5, 8)), "int8", quantized=([0.01], [0], 0))
    made = tflite.tensor((2, 5))
    tflite.op("FULLY_CONNECTED", [source, weights], [made], "FullyConnectedOptions", version=3)
    imported = both(tflite.finish(made))
    assert imported.ops == ["DequantizeLinear", "Gemm"]
    expected, result = imported.expected["t2"], imported.results["t2"]
    assert np.abs(expected - result).max() < 0.02 * np.abs(expected).max()


def test_four_bit_weights(tflite: File) -> None:
    packed = np.array([0x21, 0xF8], np.uint8)
    source = tflite.input((1, 4))
    weights = tflite.tensor((1, 4), "int8", quantized=([0.5], [0], 0), data=packed)
    tflite.tensors[weights].type = 17  # INT4
    made = tflite.tensor((1, 1))
    tflite.op("FULLY_CONNECTED", [source, weights], [made], "FullyConnectedOptions")
    _, tensors = read_program(tflite.finish(made), "net.tflite")
    data = tensors[weights].data
    assert data is not None
    assert data.tolist() == [[1, 2, -8, -1]]


@pytest.mark.parametrize("axis", [1, 7])
def test_scales_that_are_not_those_of_an_axis_are_damage(tflite: File, axis: int) -> None:
    weights = tflite.constant(np.ones((5, 8)), "int8", quantized=([0.1] * 5, [0] * 5, axis))
    made = tflite.tensor((2, 5))
    tflite.op("FULLY_CONNECTED", [tflite.input((2, 8)), weights], [made], "FullyConnectedOptions")
    with pytest.raises(InputError, match="truncated or damaged"):
        import_tflite(tflite.finish(made), "net.tflite", {"t2": (2, 8)})


def test_a_computed_tensor_with_a_scale_for_each_channel_is_refused(tflite: File) -> None:
    made = tflite.tensor((2, 3), "int8", quantized=([0.1, 0.2, 0.3], [0, 0, 0], 1))
    tflite.op("QUANTIZE", [tflite.input((2, 3))], [made])
    with pytest.raises(UnsupportedError, match=r"QUANTIZE \(t0\): 't0' is computed"):
        import_tflite(tflite.finish(made), "net.tflite", {"t1": (2, 3)})


def test_the_writer_takes_the_import_back(tflite: File, same: Same) -> None:
    data = _conv(tflite)
    model = same(data, steps=1).model
    again = write_tflite(ir.from_proto(ir.to_proto(model)))
    second = same(again, steps=1)
    assert second.ops == [node.op_type for node in model.graph]
