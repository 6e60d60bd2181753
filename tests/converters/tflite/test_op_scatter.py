"""Writing elements at indices."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edgeml_runtime.errors import UnsupportedError

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("reduction", ["none", "add"])
def test_elements(
    net: type[Net], same: Callable[..., Converted], axis: int, reduction: str
) -> None:
    graph = net(opset=18)
    places = graph.const([[0, 1, -1], [1, 0, 0]], "int64")
    if reduction == "none":
        places = graph.const([[0, 1, 2], [1, 2, 0]] if axis else [[0, 1, 1], [1, 0, 0]], "int64")
    parts = places, graph.const([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    given: dict[str, Any] = {"axis": axis, "reduction": reduction}
    same(graph.model(graph.op("ScatterElements", graph.input("x", [3, 3]), *parts, **given)))


@pytest.mark.parametrize("reduction", ["none", "add"])
@pytest.mark.parametrize("tuples", [[[0], [-1]], [[0, 1], [2, -1]]])
def test_slices(
    net: type[Net], same: Callable[..., Converted], reduction: str, tuples: list[list[int]]
) -> None:
    graph = net(opset=18)
    shape = (2, 4) if len(tuples[0]) == 1 else (2,)
    parts = graph.const(tuples, "int64"), graph.const(graph.rng.standard_normal(shape))
    y = graph.op("ScatterND", graph.input("x", [3, 4]), *parts, reduction=reduction)
    same(graph.model(y))


def test_a_product_is_refused_by_name(net: type[Net], convert: Callable[..., Converted]) -> None:
    graph = net(opset=18)
    parts = graph.const([[0]], "int64"), graph.const(np.ones((1, 4)))
    y = graph.op("ScatterND", graph.input("x", [3, 4]), *parts, reduction="mul")
    with pytest.raises(UnsupportedError, match=r"ScatterND.*reduction mul"):
        convert(graph.model(y))
