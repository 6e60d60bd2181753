"""Padding of every rank and mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

from edgeml_runtime.errors import UnsupportedError

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net


@pytest.mark.parametrize("rank", [1, 2, 3, 4])
@pytest.mark.parametrize("mode", ["constant", "reflect", "edge", "wrap"])
def test_every_mode(net: type[Net], same: Callable[..., Converted], rank: int, mode: str) -> None:
    graph = net(opset=19)
    pads = np.array([1, 0, 2, 1][:rank] + [2, 1, 0, 1][:rank])
    x = graph.input("x", [3, 4, 5, 3][:rank])
    fill = [graph.const(1.5)] if mode == "constant" else []
    same(graph.model(graph.op("Pad", x, graph.const(pads, "int64"), *fill, mode=mode)))


@pytest.mark.parametrize("pads", [[-1, 0, 0, -1], [-1, 2, 0, 0], [0, 0, 0, 0]])
def test_cutting(net: type[Net], same: Callable[..., Converted], pads: list[int]) -> None:
    graph = net()
    same(graph.model(graph.op("Pad", graph.input("x", [3, 4]), graph.const(pads, "int64"))))


def test_some_axes(net: type[Net], same: Callable[..., Converted]) -> None:
    graph = net(opset=18)
    parts = graph.const([1, 2], "int64"), graph.const(0.5), graph.const([-2], "int64")
    same(graph.model(graph.op("Pad", graph.input("x", [3, 4]), *parts)))


def test_amounts_that_are_computed_are_refused_by_name(
    net: type[Net], convert: Callable[..., Converted]
) -> None:
    graph = net()
    amounts = graph.input("amounts", [4], onnx.TensorProto.INT64)
    model = graph.model(graph.op("Pad", graph.input("x", [3, 4]), amounts))
    with pytest.raises(UnsupportedError, match="Pad"):
        convert(model, {"x": np.zeros((3, 4), np.float32), "amounts": np.zeros(4, np.int64)})
