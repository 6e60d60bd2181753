"""Every order of the axes of every rank."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net


@pytest.mark.parametrize("rank", [2, 3, 4])
def test_every_order(net: type[Net], same: Callable[..., Converted], rank: int) -> None:
    for order in permutations(range(rank)):
        graph = net()
        x = graph.input("x", [2, 3, 4, 5][:rank])
        assert len(same(graph.model(graph.op("Transpose", x, perm=list(order)))).ops) <= 1


def test_five_axes_reversed(net: type[Net], same: Callable[..., Converted]) -> None:
    graph = net()
    same(graph.model(graph.op("Transpose", graph.input("x", [2, 1, 3, 2, 2]))))


@pytest.mark.parametrize("first", list(permutations(range(3))))
def test_two_in_a_row_are_one(
    net: type[Net], same: Callable[..., Converted], first: tuple[int, ...]
) -> None:
    graph = net()
    x = graph.op("Transpose", graph.input("x", [2, 3, 4]), perm=list(first))
    converted = same(graph.model(graph.op("Transpose", x, perm=[1, 2, 0])))
    assert len(converted.ops) <= 1
