"""Which slices of a timeline belong to which operator, told by the engine's own profile.

The engine's profiler reads the clock around each operator and notes the values (in microseconds,
cut off); the counter cuts its timeline at the same reads and notes the same values. So joining the
two is a search for equal numbers, with no interpolation. Must not know what an operator costs.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgeml_devices.emulation.plugin import Slice
from edgeml_runtime.errors import InternalError

# A duration is cut off to whole microseconds, so it is off by one at most. The end of an event is
# the sum of a start and a duration, both cut off, after an offset that came from a start as well.
_ROUNDING_US = 0.5
_TIME_TOLERANCE_US = 3.0


@dataclass(frozen=True)
class Event:
    """One operator in the engine's profile.

    Args:
        name: As the engine calls it.
        kind: Its type, as the engine calls it.
        start_us: When it began by the engine's clock; ``None`` where only durations are told.
        duration_us: How long it took under emulation, which says nothing of the board.
    """

    name: str
    kind: str
    start_us: int | None
    duration_us: int


def read_events(document: Mapping[str, Any]) -> tuple[Event, ...]:
    """Return the events that the guest's ``profile_operators.py`` printed."""
    return tuple(
        Event(
            entry["name"], entry.get("kind", entry["name"]), entry["start_us"], entry["duration_us"]
        )
        for entry in document["events"]
    )


def operator_ranges(events: Sequence[Event], slices: Sequence[Slice]) -> list[range]:
    """Return the indices of the slices of each operator, in the order of the events.

    Raises:
        InternalError: An event has no place on the timeline.
    """
    clock = _engine_clock(slices)
    places = [i for i, s in enumerate(slices) if s.end is not None and s.end.clock == clock]
    times_us = [slices[i].end.time_ns / 1000 for i in places]  # type: ignore[union-attr]  # above
    offset_us = _offset_us(events, times_us)
    ranges: list[range] = []
    position = 0  # among the clock reads: what lies before it is taken
    index = 0
    while index < len(events):
        if events[index].start_us is None:
            run = _untimed_run(events, index)
            spans = _slide(run, times_us, position)
            _require(events[index], bool(spans))
        else:
            spans = [_timed_span(events[index], times_us, position, offset_us)]
        ranges += [range(places[first] + 1, places[last] + 1) for first, last in spans]
        position = spans[-1][1]
        index += len(spans)
    return ranges


def _engine_clock(slices: Sequence[Slice]) -> int:
    """Return the clock that was read most often: engines read it twice for each operator."""
    clocks = [s.end.clock for s in slices if s.end is not None]
    if not clocks:
        raise InternalError(
            "The engine never read the clock while its profiler was on.",
            "Report it with the version of the engine.",
        )
    return max(sorted(set(clocks)), key=clocks.count)


def _offset_us(events: Sequence[Event], times_us: Sequence[float]) -> float:
    """Return what the profile's times lack to be the clock's: it may count from its own start."""
    timed = [event for event in events if event.start_us is not None]
    if not timed:
        return 0.0
    first_us = timed[0].start_us or 0
    candidates = [0.0, *(time_us - first_us for time_us in times_us)]
    return max(candidates, key=lambda offset_us: _agreement(timed, times_us, offset_us))


def _agreement(
    events: Sequence[Event], times_us: Sequence[float], offset_us: float
) -> tuple[int, float]:
    """Return how many ends of events have a read near, then how near these are."""
    starts = [event.start_us + offset_us for event in events if event.start_us is not None]
    ends = [start + event.duration_us for start, event in zip(starts, events, strict=True)]
    errors = [
        abs(times_us[place] - wanted_us)
        for wanted_us in (*starts, *ends)
        if (place := _nearest(times_us, wanted_us)) is not None
    ]
    return len(errors), -sum(errors)


def _nearest(times_us: Sequence[float], wanted_us: float, first: int = 0) -> int | None:
    """Return the index of the read nearest to a time, from *first* on, if one is near enough."""
    place = bisect_left(times_us, wanted_us, lo=first)
    near = [i for i in (place - 1, place) if first <= i < len(times_us)]
    best = min(near, key=lambda i: abs(times_us[i] - wanted_us), default=None)
    if best is None or abs(times_us[best] - wanted_us) > _TIME_TOLERANCE_US:
        return None
    return best


def _timed_span(
    event: Event, times_us: Sequence[float], position: int, offset_us: float
) -> tuple[int, int]:
    assert event.start_us is not None, "the caller has looked"
    start_us = event.start_us + offset_us
    first = _nearest(times_us, start_us, position)
    last = None if first is None else _nearest(times_us, start_us + event.duration_us, first + 1)
    _require(event, first is not None and last is not None)
    assert first is not None
    assert last is not None
    return first, last


def _untimed_run(events: Sequence[Event], index: int) -> list[int]:
    durations = []
    for event in events[index:]:
        if event.start_us is not None:
            break
        durations.append(event.duration_us)
    return durations


def _slide(
    durations: Sequence[int], times_us: Sequence[float], position: int
) -> list[tuple[int, int]]:
    """Return the spans of as many of *durations*, from the first on, as follow each other."""
    best: list[tuple[int, int]] = []
    for start in range(position, len(times_us) - 1):
        spans = _follow(durations, times_us, start)
        if len(spans) > len(best):
            best = spans
        if len(best) == len(durations):
            break
    return best


def _follow(
    durations: Sequence[int], times_us: Sequence[float], start: int
) -> list[tuple[int, int]]:
    spans = []
    for duration_us in durations:
        last = _span_end(duration_us, times_us, start)
        if last is None:
            break
        spans.append((start, last))
        start = last
    return spans


def _span_end(duration_us: int, times_us: Sequence[float], first: int) -> int | None:
    """Return the read that ends an operator; one of several parts has a read after each.

    Its duration is then the sum of its parts' durations, each cut off.
    """
    for last in range(first + 1, len(times_us)):
        excess_us = times_us[last] - times_us[first] - duration_us
        if excess_us > last - first + _ROUNDING_US:
            return None
        if excess_us >= -_ROUNDING_US:
            return last
    return None


def _require(event: Event, found: bool) -> None:
    if not found:
        raise InternalError(
            f"The operator '{event.name}' of the engine's profile is not on the timeline.",
            "Report it with the model and the version of the engine.",
        )
