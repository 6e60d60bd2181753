"""Counting values in bins: neither their order nor an interruption shows in the counts."""

import math
from random import Random

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeml_converters.histogram import HALF_BINS, Histogram, HistogramCounter

Floats = npt.NDArray[np.float32]
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
CHUNKS = st.lists(st.lists(FLOATS, max_size=6), min_size=1, max_size=6)
SMALLEST = float(np.finfo(np.float32).smallest_subnormal)
LARGEST = float(np.finfo(np.float32).max)


def _counted(*chunks: npt.ArrayLike) -> Histogram:
    counter = HistogramCounter()
    for chunk in chunks:
        counter.add(np.asarray(chunk, np.float32))
    return counter.histogram()


def _same(one: Histogram, other: Histogram) -> bool:
    counts = np.array_equal(one.counts, other.counts)
    return counts and (one.width, one.zeros) == (other.width, other.zeros)


def _bins(values: Floats, width: float) -> npt.NDArray[np.int64]:
    """Return the counts of *values* one by one, in float64, which is exact here."""
    counts = np.zeros(2 * HALF_BINS, np.int64)
    for value in values.astype(np.float64):
        counts[math.floor(value / width) + HALF_BINS] += 1
    return counts


@given(CHUNKS)
def test_counts_are_those_of_wide_bins_from_the_start(chunks: list[list[float]]) -> None:
    values = np.array([value for chunk in chunks for value in chunk], np.float32)
    found = _counted(*chunks)
    assert found.counts.sum() == values.size
    assert found.zeros == np.count_nonzero(values == 0)
    np.testing.assert_array_equal(found.counts, _bins(values, found.width))


@given(CHUNKS, st.randoms(use_true_random=False))
def test_the_order_of_samples_does_not_count(chunks: list[list[float]], random: Random) -> None:
    shuffled = [random.sample(chunk, len(chunk)) for chunk in chunks]
    random.shuffle(shuffled)
    assert _same(_counted(*chunks), _counted(*shuffled))
    assert _same(_counted(*chunks), _counted([value for chunk in chunks for value in chunk]))


@given(CHUNKS, st.data())
def test_counting_goes_on_from_a_state(chunks: list[list[float]], data: st.DataObject) -> None:
    stop = data.draw(st.integers(0, len(chunks)))
    first = HistogramCounter()
    for chunk in chunks[:stop]:
        first.add(np.asarray(chunk, np.float32))
    state = first.state()
    second = HistogramCounter()
    second.restore(state)
    for chunk in chunks[stop:]:
        second.add(np.asarray(chunk, np.float32))
    assert _same(second.histogram(), _counted(*chunks))
    assert np.array_equal(first.state(), state), "the state is a copy"


@given(CHUNKS)
def test_the_width_is_the_least_power_of_two_that_holds_all(chunks: list[list[float]]) -> None:
    found = _counted(*chunks)
    peak = max((abs(value) for chunk in chunks for value in chunk), default=0.0)
    assert np.frexp(found.width)[0] == 0.5
    assert found.edges[0] == -found.edges[-1] == -HALF_BINS * found.width
    assert found.edges[0] <= -peak <= peak < found.edges[-1]
    assert peak >= found.edges[-1] / 2 or found.width == _counted([0.0]).width


@pytest.mark.parametrize(
    "value", [SMALLEST, 1e-40, 1e-38, 1e-20, 1.0, 1.0 - 2.0**-24, 2048.0, 1e20, LARGEST]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_any_number_lies_between_the_edges_of_its_bin(value: float, sign: int) -> None:
    found = _counted([sign * value])
    (index,) = np.flatnonzero(found.counts)
    assert found.edges[index] <= sign * np.float32(value) < found.edges[index + 1]
    assert found.zeros == 0


def test_a_tiny_number_beside_a_huge_one_keeps_its_side_of_zero() -> None:
    found = _counted([LARGEST], [-SMALLEST])
    assert list(np.flatnonzero(found.counts)) == [HALF_BINS - 1, 2 * HALF_BINS - 1]
    assert found.zeros == 0


def test_zeros_of_either_sign_are_counted() -> None:
    found = _counted([0.0, -0.0, 0.0, 1.0], [], [-1.0, 0.0])
    assert found.zeros == 4
    assert found.counts[HALF_BINS] == 4
    assert found.counts.sum() == 6


def test_what_was_returned_does_not_change_with_more_values() -> None:
    counter = HistogramCounter()
    counter.add(np.ones(3, np.float32))
    found = counter.histogram()
    counter.add(np.ones(5, np.float32))
    assert found.counts.sum() == 3
