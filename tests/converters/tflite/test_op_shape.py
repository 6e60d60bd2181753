"""Reshapes, transposes, padding and concatenation between convolutions."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net


@pytest.mark.parametrize("opset", [7, 11, 13, 18])
def test_flattened_features_permute_the_weights_instead(
    net: type[Net], same: Callable[..., Converted], opset: int
) -> None:
    graph = net(opset=opset)
    x = graph.conv(graph.input("x", [1, 3, 6, 5]), (3, 4), relu6=False)
    y = graph.gemm(graph.op("Flatten", x), 120, 7)
    assert same(graph.model(y)).ops == ["CONV_2D", "FULLY_CONNECTED"]


def test_flattened_features_with_another_reader_are_transposed(
    net: type[Net], same: Callable[..., Converted]
) -> None:
    graph = net()
    x = graph.conv(graph.input("x", [1, 3, 6, 5]), (3, 4))
    flat = graph.op("Flatten", x)
    converted = same(graph.model(graph.gemm(flat, 120, 7), graph.op("Sigmoid", flat)))
    assert converted.ops.count("TRANSPOSE") == 1


@pytest.mark.parametrize("opset", [11, 13])
def test_squeeze_and_unsqueeze_of_every_opset(
    net: type[Net], same: Callable[..., Converted], opset: int
) -> None:
    graph = net(opset=opset)
    x = graph.op("GlobalAveragePool", graph.conv(graph.input("x", [1, 3, 6, 5]), (3, 4), norm=True))
    if opset < 13:
        y = graph.op("Unsqueeze", graph.op("Squeeze", x, axes=[2, 3]), axes=[-1])
    else:
        y = graph.op("Squeeze", x, graph.const([2, 3], "int64"))
        y = graph.op("Unsqueeze", y, graph.const([-1], "int64"))
    assert "TRANSPOSE" not in same(graph.model(y)).ops


@pytest.mark.parametrize("permutation", list(permutations(range(4))))
def test_transpose_costs_one_operator_at_most(
    net: type[Net], same: Callable[..., Converted], permutation: tuple[int, ...]
) -> None:
    graph = net()
    x = graph.conv(graph.input("x", [1, 3, 6, 5]), (3, 4))
    converted = same(graph.model(graph.op("Transpose", x, perm=list(permutation))))
    assert converted.ops.count("TRANSPOSE") + converted.ops.count("RESHAPE") <= 1


def test_turning_channels_last_costs_nothing(
    net: type[Net], same: Callable[..., Converted]
) -> None:
    graph = net()
    x = graph.op("Transpose", graph.input("x", [1, 6, 5, 3]), perm=[0, 3, 1, 2])
    y = graph.op("Transpose", graph.conv(x, (3, 4)), perm=[0, 2, 3, 1])
    assert same(graph.model(graph.op("Reshape", y, graph.const([1, 30, 4], "int64")))).ops == [
        "CONV_2D",
        "RESHAPE",
    ]


def test_sequences_of_image_patches_cost_no_transposes(
    net: type[Net], same: Callable[..., Converted]
) -> None:
    graph = net()
    x = graph.conv(graph.input("x", [1, 3, 8, 8]), (3, 6), kernel=4, pads=[0] * 4, strides=[4, 4])
    tokens = graph.op("Reshape", x, graph.const([1, 6, 4], "int64"))
    y = graph.op("Transpose", tokens, perm=[0, 2, 1])
    weights = graph.const(graph.rng.standard_normal((6, 5)))
    assert same(graph.model(graph.op("MatMul", y, weights))).ops == [
        "CONV_2D",
        "RESHAPE",
        "FULLY_CONNECTED",
    ]


@pytest.mark.parametrize("axis", [1, 2, 3, -1])
def test_concatenation_along_every_axis(
    net: type[Net], same: Callable[..., Converted], axis: int
) -> None:
    graph = net()
    x = graph.input("x", [1, 3, 6, 5])
    parts = [graph.conv(x, (3, 4)), graph.conv(x, (3, 4))]
    converted = same(
        graph.model(
            graph.conv(graph.op("Concat", *parts, axis=axis), (8, 2))
            if axis == 1
            else graph.op("Concat", *parts, axis=axis)
        )
    )
    assert "TRANSPOSE" not in converted.ops


@pytest.mark.parametrize("value", [0.0, 1.5])
@pytest.mark.parametrize("opset", [7, 11, 18])
def test_padding_of_every_opset(
    net: type[Net], same: Callable[..., Converted], value: float, opset: int
) -> None:
    graph = net(opset=opset)
    x = graph.conv(graph.input("x", [1, 3, 6, 5]), (3, 4), relu6=False)
    pads = [0, 1, 2, 0, 0, 0, 1, 3]
    if opset < 11:
        y = graph.op("Pad", x, pads=pads, value=value)
    else:
        y = graph.op("Pad", x, graph.const(pads, "int64"), graph.const(value))
    assert same(graph.model(y)).ops == ["CONV_2D", "PAD" if value == 0.0 else "PADV2"]
