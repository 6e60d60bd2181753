"""Which explicit padding goes into the operator that reads it."""

from collections.abc import Callable
from typing import Any

import onnx
import pytest

MakeGraph = Callable[..., Any]
Optimized = Callable[[onnx.ModelProto], list[str]]


@pytest.mark.parametrize("mode", ["reflect", "edge"])
def test_padding_with_the_image_itself_stays(
    graph: MakeGraph, optimized: Optimized, mode: str
) -> None:
    net = graph((1, 3, 8, 8))
    padded = net.op("Pad", "x", net.constant([0, 0, 1, 1, 0, 0, 1, 1], "int64"), mode=mode)
    y = net.op("Conv", padded, net.weights(4, 3, 3, 3))
    assert optimized(net.finish(y)) == ["Pad", "Conv"]


def test_padding_of_channels_stays(graph: MakeGraph, optimized: Optimized) -> None:
    net = graph((1, 3, 8, 8))
    padded = net.op("Pad", "x", net.constant([0, 1, 1, 1, 0, 0, 1, 1], "int64"))
    y = net.op("Conv", padded, net.weights(4, 4, 3, 3))
    assert optimized(net.finish(y)) == ["Pad", "Conv"]


def test_padding_before_automatic_padding_stays(graph: MakeGraph, optimized: Optimized) -> None:
    for mode, left in (("SAME_UPPER", ["Pad", "Conv"]), ("VALID", ["Conv"])):
        net = graph((1, 3, 8, 8))
        padded = net.op("Pad", "x", net.constant([0, 0, 1, 1, 0, 0, 1, 1], "int64"))
        y = net.op("Conv", padded, net.weights(4, 3, 3, 3), auto_pad=mode, strides=[2, 2])
        assert optimized(net.finish(y)) == left


def test_padding_named_by_axes_is_fused(graph: MakeGraph, optimized: Optimized) -> None:
    net = graph((1, 3, 8, 8), opset=18)
    amounts, axes = net.constant([1, 2, 0, 1], "int64"), net.constant([-1, 2], "int64")
    padded = net.op("Pad", "x", amounts, net.constant(0.0), axes)
    y = net.op("Conv", padded, net.weights(4, 3, 3, 3), pads=[1, 0, 0, 1])
    assert optimized(net.finish(y)) == ["Conv"]


@pytest.mark.parametrize(
    ("attributes", "left"),
    [
        ({}, ["AveragePool"]),
        ({"count_include_pad": 1, "pads": [1, 1, 1, 1]}, ["AveragePool"]),
        ({"pads": [1, 1, 1, 1]}, ["Pad", "AveragePool"]),
        ({"ceil_mode": 1, "strides": [2, 2]}, ["Pad", "AveragePool"]),
    ],
)
def test_padding_goes_into_an_average_where_it_counts_the_same(
    graph: MakeGraph, optimized: Optimized, attributes: dict[str, Any], left: list[str]
) -> None:
    net = graph((1, 3, 8, 8))
    padded = net.op("Pad", "x", net.constant([0, 0, 1, 0, 0, 0, 1, 1], "int64"))
    y = net.op("AveragePool", padded, kernel_shape=[3, 3], **attributes)
    assert optimized(net.finish(y)) == left


def test_padding_as_wide_as_the_window_and_of_a_maximum_stays(
    graph: MakeGraph, optimized: Optimized
) -> None:
    for op_type, width in (("AveragePool", 2), ("MaxPool", 1)):
        net = graph((1, 3, 8, 8))
        padded = net.op("Pad", "x", net.constant([0, 0, width, 0, 0, 0, 0, 0], "int64"))
        y = net.op(op_type, padded, kernel_shape=[2, 2])
        assert optimized(net.finish(y)) == ["Pad", op_type]


def test_padding_that_others_read_stays_for_them(graph: MakeGraph, optimized: Optimized) -> None:
    net = graph((1, 3, 8, 8))
    padded = net.op("Pad", "x", net.constant([0, 0, 1, 1, 0, 0, 1, 1], "int64"))
    y = net.op("Conv", padded, net.weights(4, 3, 3, 3))
    assert sorted(optimized(net.finish(y, net.op("Relu", padded)))) == ["Conv", "Pad", "Relu"]
