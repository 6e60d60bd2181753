"""A histogram in one pass says what one with all values at hand would say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgeml_converters.histogram import HALF_BINS
from edgeml_converters.layers.histogram import Histogram

parts = st.lists(
    hnp.arrays(
        np.float32,
        st.integers(0, 40),
        elements=st.floats(-(2.0**20), 2.0**20, width=32, allow_subnormal=False),
    ),
    min_size=1,
    max_size=5,
)


def _taken(values: list[np.ndarray]) -> Histogram:
    histogram = Histogram()
    for part in values:
        histogram.add(part)
    return histogram


@given(parts)
def test_the_order_of_the_parts_does_not_matter(values: list[np.ndarray]) -> None:
    forth, back = _taken(values), _taken(values[::-1])
    assert forth.total == sum(part.size for part in values)
    if forth.total:
        low, high = forth.low, forth.high
        assert forth.shares(low, high, 16) == back.shares(low, high, 16)


@given(parts, st.integers(1, 70))
def test_the_bars_hold_everything(values: list[np.ndarray], bars: int) -> None:
    histogram = _taken(values)
    if histogram.total:
        width = max(abs(histogram.high), abs(histogram.low), 1.0)
        shares = histogram.shares(histogram.low - width, histogram.high + width, bars)
        assert len(shares) == bars
        assert sum(shares) == pytest.approx(1)
        assert min(shares) >= -1e-12


@given(parts, st.floats(0, 1))
def test_quantiles_are_right_to_a_thousandth_of_the_peak(
    values: list[np.ndarray], share: float
) -> None:
    everything = np.concatenate(values).astype(np.float64)
    if everything.size:
        exact = np.quantile(everything, share, method="inverted_cdf")
        peak = float(np.abs(everything).max())
        assert _taken(values).quantile(share) == pytest.approx(exact, abs=2.1 * peak / HALF_BINS)


def test_the_gap_between_two_clusters() -> None:
    histogram = _taken([np.array([-1e4, -1e4, -3.0, 0.5, 2.0], np.float32)])
    start, end = histogram.widest_gap()
    assert start == pytest.approx(-1e4, rel=1e-2)
    assert -20 < end <= -3
    assert histogram.share_below((start + end) / 2) == pytest.approx(0.4)
