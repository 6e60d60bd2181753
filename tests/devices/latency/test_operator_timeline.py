"""Finding an engine's operators on the timeline by the clock values that both hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeml_devices.emulation.plugin import ClockRead, Slice
from edgeml_devices.latency.operator_timeline import Event, operator_ranges
from edgeml_runtime.errors import InternalError

MONOTONIC, COARSE = 1, 6


def timeline(times_ns: list[int], clock: int = MONOTONIC) -> list[Slice]:
    """Return slices that end at clock reads, and the one at the end of the run."""
    reads = [ClockRead(clock, ns // 10**9, ns % 10**9) for ns in times_ns]
    return [*(Slice(read, {}, {}) for read in reads), Slice(None, {}, {})]


def _starts(durations_ns: list[int], first_ns: int = 5_000_000_123) -> list[int]:
    times = [first_ns]
    for duration in durations_ns:
        times.append(times[-1] + duration)
    return times


# Unlike each other, as equal intervals could not be told apart.
durations = st.lists(
    st.integers(20_000, 10**9), min_size=2, max_size=30, unique_by=lambda ns: ns // 10_000
)


@given(durations)
def test_operators_back_to_back_that_tell_durations_only(gaps_ns: list[int]) -> None:
    events = [Event(f"op{i}", "Conv", None, ns // 1000) for i, ns in enumerate(gaps_ns)]
    slices = timeline([1_000, 2_000, *_starts(gaps_ns)])
    assert operator_ranges(events, slices) == [range(3 + i, 4 + i) for i in range(len(gaps_ns))]


@given(durations, st.integers(0, 10**12))
def test_operators_that_count_from_a_start_of_their_own(gaps_ns: list[int], zero_ns: int) -> None:
    times = _starts(gaps_ns, zero_ns + 1_000_000)
    events = []
    for begin, end in zip(times[::2], times[1::2], strict=False):
        start_us = (begin - zero_ns) // 1000
        events.append(Event("op", "Conv", start_us, (end - begin) // 1000))
    ranges = operator_ranges(events, timeline(times))
    assert ranges == [range(2 * i + 1, 2 * i + 2) for i in range(len(events))]


def test_an_operator_of_several_parts_takes_all_of_their_slices() -> None:
    parts = [13_713_700, 1_727_600, 697_300, 369_700]
    events = [
        Event("first", "Conv", None, 500),
        Event("copy", "Copy", None, sum(ns // 1000 for ns in parts)),
        Event("last", "Conv", None, 700),
    ]
    slices = timeline(_starts([500_400, *parts, 700_900]))
    assert operator_ranges(events, slices) == [range(1, 2), range(2, 6), range(6, 7)]


def test_reads_of_other_clocks_lie_within_an_operator() -> None:
    slices = timeline(_starts([100_000, 250_000]))
    slices.insert(1, Slice(ClockRead(COARSE, 1, 0), {}, {}))
    events = [Event("a", "Conv", None, 100), Event("b", "Conv", None, 250)]
    assert operator_ranges(events, slices) == [range(1, 3), range(3, 4)]


def test_an_operator_that_is_not_there_is_no_guess() -> None:
    with pytest.raises(InternalError, match="not on the timeline"):
        operator_ranges([Event("a", "Conv", None, 9_999)], timeline(_starts([100_000, 250_000])))
