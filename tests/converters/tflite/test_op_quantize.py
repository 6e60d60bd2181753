"""Quantized integers that something else than DequantizeLinear reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("target", ["FLOAT", "INT32"])
def test_integers_as_numbers(
    net: type[Net], same: Callable[..., Converted], dtype: str, target: str
) -> None:
    graph = net()
    parts = graph.const(0.0625), graph.const(100 if dtype == "uint8" else -5, dtype)
    steps = graph.op("QuantizeLinear", graph.input("x", [1, 5, 3, 6]), *parts)
    y = graph.op("Cast", steps, to=getattr(onnx.TensorProto, target))
    feeds = {"x": np.random.default_rng(0).uniform(-9, 9, (1, 5, 3, 6)).astype(np.float32)}
    same(graph.model(y, graph.op("DequantizeLinear", steps, *parts)), feeds)


def test_resampling_that_tflite_has_not_stays_in_float(
    net: type[Net], same: Callable[..., Converted]
) -> None:
    graph = net()
    parts = graph.const(0.03125), graph.const(0, "int8")
    x = graph.op("QuantizeLinear", graph.input("x", [1, 2, 4, 4]), *parts)
    x = graph.op("DequantizeLinear", x, *parts)
    sizes = graph.const([1, 2, 7, 5], "int64")
    same(graph.model(graph.op("Resize", x, "", "", sizes, mode="cubic")))
