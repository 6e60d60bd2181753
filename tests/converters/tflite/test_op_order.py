"""Finding, ranking, and running sums."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edgeml_runtime.errors import UnsupportedError

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net


@pytest.mark.parametrize("op_type", ["ArgMax", "ArgMin"])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("last", [0, 1])
def test_place_of_the_greatest_among_equals(
    net: type[Net],
    same: Callable[..., Converted],
    op_type: str,
    axis: int,
    keepdims: int,
    last: int,
) -> None:
    graph = net()
    given = {"axis": axis, "keepdims": keepdims, "select_last_index": last}
    feeds = {"x": np.random.default_rng(0).integers(0, 3, (3, 4, 5)).astype(np.float32)}
    same(graph.model(graph.op(op_type, graph.input("x", [3, 4, 5]), **given)), feeds)


@pytest.mark.parametrize("largest", [0, 1])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_greatest_and_least(
    net: type[Net], same: Callable[..., Converted], largest: int, axis: int
) -> None:
    graph = net()
    x = graph.input("x", [3, 4, 5])
    values = graph.op("TopK", x, graph.const([2], "int64"), outputs=2, axis=axis, largest=largest)
    same(graph.model(values, f"{values}_1"))


def test_unsorted_choice_is_refused_by_name(
    net: type[Net], convert: Callable[..., Converted]
) -> None:
    graph = net()
    x = graph.input("x", [5])
    values = graph.op("TopK", x, graph.const([2], "int64"), outputs=2, sorted=0)
    with pytest.raises(UnsupportedError, match=r"TopK.*unsorted"):
        convert(graph.model(values))


@pytest.mark.parametrize("exclusive", [0, 1])
@pytest.mark.parametrize("reverse", [0, 1])
@pytest.mark.parametrize("axis", [0, -1])
def test_running_sums(
    net: type[Net], same: Callable[..., Converted], exclusive: int, reverse: int, axis: int
) -> None:
    graph = net()
    place = graph.const(axis, "int64")
    x = graph.input("x", [3, 4])
    same(graph.model(graph.op("CumSum", x, place, exclusive=exclusive, reverse=reverse)))
