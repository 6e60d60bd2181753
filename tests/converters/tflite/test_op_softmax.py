"""Softmax over every axis, before and since opset 13."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net


@pytest.mark.parametrize("opset", [9, 11, 13, 17])
@pytest.mark.parametrize("shape", [[1, 4, 3, 2], [1, 6, 1, 1], [1, 4, 5], [1, 7], [2, 3, 4, 2]])
@pytest.mark.parametrize("axis", [1, -1, None])
@pytest.mark.parametrize("image", [True, False])
def test_softmax(
    net: type[Net],
    same: Callable[..., Converted],
    opset: int,
    shape: list[int | str],
    axis: int | None,
    image: bool,
) -> None:
    graph = net(opset=opset)
    x = graph.input("x", shape)
    if image and len(shape) == 4:
        x = graph.op("MaxPool", x, kernel_shape=[1, 1])
    y = graph.op("Softmax", x, **({} if axis is None else {"axis": axis}))
    assert same(graph.model(y)).ops


def test_softmax_over_channels_stays_channels_last(
    net: type[Net], same: Callable[..., Converted]
) -> None:
    graph = net()
    x = graph.conv(graph.input("x", [1, 3, 6, 5]), (3, 4))
    assert same(graph.model(graph.op("Softmax", x, axis=1))).ops == ["CONV_2D", "SOFTMAX"]


def test_softmax_over_a_flattened_image_before_opset_13(
    net: type[Net], same: Callable[..., Converted]
) -> None:
    graph = net(opset=9)
    x = graph.op("GlobalAveragePool", graph.input("x", [1, 10, 6, 5]))
    converted = same(graph.model(graph.op("Softmax", x, axis=1)))
    assert converted.ops == ["MEAN", "SOFTMAX"]
    assert converted.results["t1"].max() < 0.9
