"""Cutting out, repeating, reversing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

from edgeml_runtime.errors import UnsupportedError

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net


@pytest.mark.parametrize(
    ("start", "end", "step"),
    [(1, 4, 1), (-3, 99, 2), (4, 0, -1), (-1, -99, -2), (0, 5, 3), (3, -99, -1), (2, 3, 1)],
)
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_one_axis(
    net: type[Net], same: Callable[..., Converted], start: int, end: int, step: int, axis: int
) -> None:
    graph = net()
    bounds = [graph.const([number], "int64") for number in (start, end, axis, step)]
    same(graph.model(graph.op("Slice", graph.input("x", [5, 5, 5]), *bounds)))


@pytest.mark.parametrize("rank", [1, 2, 3, 4, 5])
def test_every_rank(net: type[Net], same: Callable[..., Converted], rank: int) -> None:
    graph = net()
    bounds = graph.const([1] * rank, "int64"), graph.const([3] * rank, "int64")
    same(graph.model(graph.op("Slice", graph.input("x", [3] * rank), *bounds)))


@pytest.mark.parametrize("shape", [[4, 3], [2, 1, 3], [2, 1, 1, 3], [1]])
def test_expansion(net: type[Net], same: Callable[..., Converted], shape: list[int | str]) -> None:
    graph = net()
    wanted = graph.const([4, 3] if shape == [4, 3] else [2, 4, 3], "int64")
    same(graph.model(graph.op("Expand", graph.input("x", shape), wanted)))


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("sizes", [[1, 3], [2, 1, 1], [4]])
def test_splits(
    net: type[Net], same: Callable[..., Converted], axis: int, sizes: list[int]
) -> None:
    graph = net()
    parts = graph.const(sizes, "int64")
    x = graph.op("Tanh", graph.input("x", [4, 4, 4]))
    first = graph.op("Split", x, parts, outputs=len(sizes), axis=axis)
    others = [f"{first}_{at}" for at in range(1, len(sizes))]
    same(graph.model(first, *others))


@pytest.mark.parametrize("repeats", [[2, 1, 1], [1, 2, 3]])
def test_tiles(net: type[Net], same: Callable[..., Converted], repeats: list[int]) -> None:
    graph = net()
    same(graph.model(graph.op("Tile", graph.input("x", [2, 1, 3]), graph.const(repeats, "int64"))))


@pytest.mark.parametrize("time", [0, 1])
def test_reversed_sequences(net: type[Net], same: Callable[..., Converted], time: int) -> None:
    graph = net()
    lengths = graph.const(np.array([1, 3, 2]), "int64")
    x = graph.input("x", [4, 3, 2] if time == 0 else [3, 4, 2])
    same(graph.model(graph.op("ReverseSequence", x, lengths, time_axis=time, batch_axis=1 - time)))


def test_bounds_that_are_computed_are_refused_by_name(
    net: type[Net], convert: Callable[..., Converted]
) -> None:
    graph = net()
    start = graph.input("start", [1], onnx.TensorProto.INT64)
    y = graph.op("Slice", graph.input("x", [5]), start, graph.const([3], "int64"))
    with pytest.raises(UnsupportedError, match="run time"):
        convert(graph.model(y), {"x": np.zeros(5, np.float32), "start": np.zeros(1, np.int64)})
