"""Gathering by index, and one-hot vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

from edgeml_runtime.errors import UnsupportedError

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("indices", [[1], [0, -1], [[0, 1], [1, 0]], 1])
@pytest.mark.parametrize("constant", [True, False])
def test_gather(
    net: type[Net],
    same: Callable[..., Converted],
    axis: int,
    indices: list[int] | int,
    constant: bool,
) -> None:
    graph = net()
    array = np.array(indices, np.int64)
    feeds: dict[str, np.ndarray] = {"x": graph.rng.standard_normal((2, 3, 4)).astype(np.float32)}
    x = graph.input("x", [2, 3, 4])
    if constant:
        places = graph.const(array, "int64")
    else:
        places = graph.input("i", list(array.shape), onnx.TensorProto.INT64)
        feeds["i"] = array
    same(graph.model(graph.op("Gather", x, places, axis=axis)), feeds)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_gather_elements(net: type[Net], same: Callable[..., Converted], axis: int) -> None:
    graph = net()
    places = graph.const([[0, 1, -1], [1, 0, 0]], "int64")
    same(graph.model(graph.op("GatherElements", graph.input("x", [2, 3]), places, axis=axis)))


@pytest.mark.parametrize("tuples", [[[0], [-1]], [[0, 1], [1, -2]], [[1, 2, 3]]])
def test_gather_nd(net: type[Net], same: Callable[..., Converted], tuples: list[list[int]]) -> None:
    graph = net()
    y = graph.op("GatherND", graph.input("x", [2, 3, 4]), graph.const(tuples, "int64"))
    same(graph.model(y))


def test_gather_nd_by_batches_is_refused_by_name(
    net: type[Net], convert: Callable[..., Converted]
) -> None:
    graph = net()
    tuples = graph.const([[0], [1]], "int64")
    model = graph.model(graph.op("GatherND", graph.input("x", [2, 3]), tuples, batch_dims=1))
    with pytest.raises(UnsupportedError, match=r"GatherND.*batch dimensions"):
        convert(model)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_one_hot(net: type[Net], same: Callable[..., Converted], axis: int) -> None:
    graph = net()
    x = graph.input("x", [4], onnx.TensorProto.INT64)
    parts = graph.const(3, "int64"), graph.const([-1.0, 2.0])
    y = graph.op("OneHot", x, *parts, axis=axis)
    same(graph.model(y), {"x": np.array([0, -1, 2, 5], np.int64)})
