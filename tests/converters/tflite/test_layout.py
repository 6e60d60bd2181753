"""The minimum cut against trying every assignment."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeml_converters.tflite.min_cut import cheapest_sides
from edgeml_converters.tflite.order import Order, is_reshape

if TYPE_CHECKING:
    from collections.abc import Sequence

ITEMS = 7
nets = st.lists(
    st.tuples(st.integers(1, 9), st.lists(st.integers(0, ITEMS - 1), min_size=2, max_size=4)),
    max_size=10,
)


def _cost(nets: Sequence[tuple[int, Sequence[int]]], first: set[int]) -> int:
    return sum(cost for cost, items in nets if len({item in first for item in items}) == 2)


@settings(max_examples=200, deadline=None)
@given(nets=nets, first=st.sets(st.integers(0, 2)), second=st.sets(st.integers(3, 5)))
def test_no_assignment_is_cheaper(
    nets: list[tuple[int, list[int]]], first: set[int], second: set[int]
) -> None:
    answer = {item for item in cheapest_sides(nets, first, second) if isinstance(item, int)}
    assert first <= answer
    assert not second & answer
    assignments = (
        {item for item, side in enumerate(sides) if side}
        for sides in product([False, True], repeat=ITEMS)
    )
    possible = (a for a in assignments if first <= a and not second & a)
    assert _cost(nets, answer) == min(_cost(nets, a) for a in possible)


@given(shape=st.lists(st.integers(1, 3), min_size=1, max_size=5).map(tuple), data=st.data())
def test_transposing_only_axes_of_one_is_a_reshape(
    shape: tuple[int, ...], data: st.DataObject
) -> None:
    permutation = tuple(data.draw(st.permutations(range(len(shape)))))
    array = np.arange(np.prod(shape)).reshape(shape)
    in_sequence = bool(np.all(np.diff(array.transpose(permutation).reshape(-1)) == 1))
    assert is_reshape(permutation, shape) == in_sequence


def test_places_of_axes() -> None:
    assert Order.CHANNELS_LAST.permutation(4) == (0, 2, 3, 1)
    assert [Order.CHANNELS_LAST.place(axis, 4) for axis in (0, 1, 2, 3)] == [0, 3, 1, 2]
    assert Order.CHANNELS_LAST.place(-3, 4) == 3
    assert Order.CHANNELS_LAST.arrange((1, 3, 6, 5)) == (1, 6, 5, 3)
    assert Order.SOURCE.arrange((1, 3, 6, 5)) == (1, 3, 6, 5)
