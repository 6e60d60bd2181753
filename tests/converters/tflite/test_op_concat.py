"""Concatenation of every rank and type."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net


@pytest.mark.parametrize("rank", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("dtype", ["float32", "int32", "int64", "bool", "int8"])
def test_along_every_axis(
    net: type[Net], same: Callable[..., Converted], rank: int, dtype: str
) -> None:
    kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    shape = [2, 1, 3, 2, 2][:rank]
    for axis in range(-rank, rank):
        graph = net()
        x = graph.input("x", list(shape), kind)
        constant = graph.const(np.zeros(shape), dtype)
        feeds = {"x": (np.random.default_rng(0).uniform(0, 9, shape) > 4).astype(dtype)}
        same(graph.model(graph.op("Concat", x, constant, x, axis=axis)), feeds)


def test_of_one(net: type[Net], same: Callable[..., Converted]) -> None:
    graph = net()
    x = graph.op("Tanh", graph.input("x", [2, 3]))
    same(graph.model(graph.op("Concat", x, axis=0)))
