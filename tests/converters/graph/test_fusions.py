"""Each pass where it must act and where it must not; results stay in both cases."""

from collections.abc import Callable
from typing import Any

import onnx
import pytest

MakeGraph = Callable[..., Any]
Optimized = Callable[[onnx.ModelProto], list[str]]


@pytest.mark.parametrize("opset", [7, 9, 13, 15, 21])
def test_batch_norm_goes_into_the_convolution(
    graph: MakeGraph, optimized: Optimized, opset: int
) -> None:
    net = graph(("N", 3, 8, 8), opset)
    y = net.batch_norm(net.op("Conv", "x", net.weights(4, 3, 3, 3)), 4)
    assert optimized(net.finish(y)) == ["Conv"]


def test_batch_norm_stays_where_others_read_the_convolution(
    graph: MakeGraph, optimized: Optimized
) -> None:
    net = graph((1, 3, 8, 8))
    conv = net.op("Conv", "x", net.weights(4, 3, 3, 3))
    assert optimized(net.finish(net.batch_norm(conv, 4), net.op("Relu", conv))) == [
        "Conv",
        "BatchNormalization",
        "Relu",
    ]


def test_batch_norm_goes_into_a_matrix_product(graph: MakeGraph, optimized: Optimized) -> None:
    net = graph((2, 6))
    y = net.batch_norm(net.op("Gemm", "x", net.weights(6, 4), net.weights(4)), 4)
    assert optimized(net.finish(y)) == ["Gemm"]


@pytest.mark.parametrize("op_type", ["Mul", "Add", "Sub", "Div"])
def test_a_factor_or_offset_per_channel_is_fused(
    graph: MakeGraph, optimized: Optimized, op_type: str
) -> None:
    net = graph((1, 3, 8, 8))
    conv = net.op("Conv", "x", net.weights(4, 3, 3, 3), net.weights(4))
    y = net.op(op_type, conv, net.constant(net.random.uniform(1, 2, (4, 1, 1))))
    assert optimized(net.finish(y)) == ["Conv"]


@pytest.mark.parametrize("shape", [(1, 6), (6, 6), (1, 4, 6, 6)])
def test_an_offset_that_varies_over_the_image_stays(
    graph: MakeGraph, optimized: Optimized, shape: tuple[int, ...]
) -> None:
    net = graph((1, 3, 8, 8))
    conv = net.op("Conv", "x", net.weights(4, 3, 3, 3))
    assert optimized(net.finish(net.op("Add", conv, net.weights(*shape)))) == ["Conv", "Add"]


@pytest.mark.parametrize("opset", [7, 10, 11, 13, 18])
def test_zero_padding_goes_into_the_convolution(
    graph: MakeGraph, optimized: Optimized, opset: int
) -> None:
    net = graph((1, 3, 8, 8), opset)
    amounts = [0, 0, 1, 2, 0, 0, 2, 1]
    if opset < 11:
        padded = net.op("Pad", "x", pads=amounts)
    else:
        padded = net.op("Pad", "x", net.constant(amounts, "int64"))
    y = net.op("Conv", padded, net.weights(4, 3, 3, 3))
    assert optimized(net.finish(y)) == ["Conv"]


@pytest.mark.parametrize(
    ("amounts", "value"), [([0, 0, -1, 0, 0, 0, 0, 0], 0.0), ([0, 0, 1, 1, 0, 0, 1, 1], 2.0)]
)
def test_other_padding_stays(
    graph: MakeGraph, optimized: Optimized, amounts: list[int], value: float
) -> None:
    net = graph((1, 3, 8, 8))
    padded = net.op("Pad", "x", net.constant(amounts, "int64"), net.constant(value))
    y = net.op("Conv", padded, net.weights(4, 3, 3, 3))
    assert optimized(net.finish(y)) == ["Pad", "Conv"]


@pytest.mark.parametrize("opset", [7, 10, 12, 13])
def test_dropout_and_identity_go(graph: MakeGraph, optimized: Optimized, opset: int) -> None:
    net = graph((1, 4), opset)
    y = net.op("Relu", net.op("Dropout", net.op("Identity", "x")))
    assert optimized(net.finish(y)) == ["Relu"]


def test_an_identity_that_makes_an_output_stays(graph: MakeGraph, optimized: Optimized) -> None:
    net = graph((1, 4))
    assert "Identity" in optimized(net.finish(net.op("Identity", "x")))


def test_shape_arithmetic_is_folded(graph: MakeGraph, optimized: Optimized) -> None:
    net = graph((2, 3, 4, 4))
    shape = net.op("Shape", "x")
    batch = net.op("Gather", shape, net.constant([0], "int64"), axis=0)
    target = net.op("Concat", batch, net.constant([-1], "int64"), axis=0)
    assert optimized(net.finish(net.op("Reshape", "x", target))) == ["Reshape"]


def test_quantized_weights_stay_quantized(graph: MakeGraph, optimized: Optimized) -> None:
    net = graph((1, 4))
    integers = net.constant(net.random.integers(-127, 127, (4, 4)), "int8")
    weights = net.op("DequantizeLinear", integers, net.constant(0.02), net.constant(0, "int8"))
    assert optimized(net.finish(net.op("MatMul", "x", weights))) == ["DequantizeLinear", "MatMul"]


def test_what_nobody_reads_goes(graph: MakeGraph, optimized: Optimized) -> None:
    net = graph((1, 4))
    net.op("Exp", "x")
    assert optimized(net.finish(net.op("Relu", "x"))) == ["Relu"]
