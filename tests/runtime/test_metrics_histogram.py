"""The histogram of durations beside numpy's percentiles."""

import numpy as np
import pytest

from edgeml_runtime.metrics import Histogram

pytest.importorskip("hypothesis")

from hypothesis import given
from hypothesis import strategies as st

DURATIONS = st.lists(
    st.floats(1.1e-6, 9e3, allow_nan=False, allow_infinity=False), min_size=1, max_size=200
)


@given(DURATIONS, st.floats(0.0, 100.0))
def test_percentiles_are_within_two_per_cent(durations: "list[float]", percent: float) -> None:
    histogram = Histogram()
    for seconds in durations:
        histogram.add(seconds)
    # The smallest value that at least so many do not exceed, which interpolation does not invent.
    rank = max(int(np.ceil(len(durations) * percent / 100)), 1)
    expected = sorted(durations)[rank - 1]
    assert histogram.percentile(percent) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("percent", [50, 90, 99])
def test_many_durations_agree_with_numpy(percent: int) -> None:
    durations = np.random.default_rng(1).lognormal(-5.0, 0.7, 20_000)
    histogram = Histogram()
    for seconds in durations:
        histogram.add(float(seconds))
    assert histogram.percentile(percent) == pytest.approx(
        float(np.percentile(durations, percent)), rel=0.02
    )
    assert histogram.to_json()["mean"] == pytest.approx(1e3 * durations.mean(), rel=1e-3)
    assert histogram.max_s == durations.max()
    for edge_s in (0.002, 0.005, 0.01, 0.05):
        low, high = ((durations < edge_s * share).sum() for share in (0.997, 1.003))
        assert low <= histogram.up_to(edge_s) <= high


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=20))
def test_any_number_is_counted(durations: "list[float]") -> None:
    histogram = Histogram()
    for seconds in durations:
        histogram.add(seconds)
    assert histogram.count == len(durations)
    assert histogram.up_to(9999.0) <= histogram.count
    assert Histogram().percentile(50) == 0.0
