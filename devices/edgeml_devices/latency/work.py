"""What a stretch of a run has executed: blocks of code and cache events, added up and shared out.

Values and their arithmetic; must not know what is counted how, nor what it costs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from edgeml_devices.emulation.plugin import CacheCounts

INSTRUCTION_BYTES = 4


@dataclass(frozen=True)
class Events:
    """Events of one cache; fractions, as a profiled run is scaled to a plain one."""

    accesses: float
    misses: float
    write_backs: float

    @classmethod
    def sum(cls, parts: Iterable[CacheCounts]) -> "Events":
        """Return the counter's events added up."""
        found = tuple(parts)
        return cls(
            sum(part.accesses for part in found),
            sum(part.misses for part in found),
            sum(part.write_backs for part in found),
        )

    def scaled(self, factor: "Events") -> "Events":
        """Return each kind of event times its factor."""
        return Events(
            self.accesses * factor.accesses,
            self.misses * factor.misses,
            self.write_backs * factor.write_backs,
        )


@dataclass(frozen=True)
class Work:
    """What one thread executed.

    Args:
        executions: Code of a block to how often it ran.
        entries: How often blocks were entered that are no loop iterations.
        caches: Events by level, ``l1d`` first.
    """

    executions: Mapping[bytes, float]
    entries: float
    caches: Mapping[str, Events]

    @property
    def instructions(self) -> float:
        """Instructions executed."""
        return sum(len(code) // INSTRUCTION_BYTES * n for code, n in self.executions.items())

    def to_json(self, places: Mapping[bytes, int]) -> dict[str, Any]:
        """Return this work with blocks by their place in a list that stands elsewhere."""
        return {
            "blocks": [[places[code], _short(n)] for code, n in self.executions.items()],
            "entries": _short(self.entries),
            "caches": {
                name: [_short(n) for n in vars(events).values()]
                for name, events in self.caches.items()
            },
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any], codes: list[bytes]) -> "Work":
        """Return the work that ``to_json`` described."""
        return cls(
            executions={codes[place]: n for place, n in document["blocks"]},
            entries=document["entries"],
            caches={name: Events(*events) for name, events in document["caches"].items()},
        )


def shared_out(total: Work, parts: Iterable[Work]) -> tuple[tuple[Work, ...], Work]:
    """Return *parts* cut down to what *total* holds, and the rest of *total*.

    The parts come from a run with a profiler on, whose own work lies in them; the total from a run
    without. A block is the profiler's as far as it ran more often in the parts than in the total.
    """
    given = tuple(parts)
    held: dict[bytes, float] = {}
    for part in given:
        for code, n in part.executions.items():
            held[code] = held.get(code, 0.0) + n
    factors = {code: _ratio(total.executions.get(code, 0.0), n) for code, n in held.items()}
    cut = tuple(
        replace(
            part,
            executions={c: n * factors[c] for c, n in part.executions.items() if factors[c] > 0},
        )
        for part in given
    )
    kept = _cut_events(total, cut)
    rest = {
        code: n * (1.0 - _ratio(held.get(code, 0.0), n)) for code, n in total.executions.items()
    }
    return kept, _rest(total, kept, rest)


def set_aside(total: Work, parts: Iterable[Work]) -> tuple[tuple[Work, ...], Work]:
    """Return *parts* as they are, and a rest that makes them up to *total*.

    For parts from another library with the same kernels: its code lies at other addresses, so that
    its blocks are cut in other places and cannot be told one by one. The rest is taken to be like
    the total.
    """
    given = tuple(parts)
    held = sum(part.instructions for part in given)
    cut = tuple(
        replace(
            part,
            executions={
                c: n * _ratio(total.instructions, held) for c, n in part.executions.items()
            },
        )
        for part in given
    )
    kept = _cut_events(total, cut)
    left = 1.0 - _ratio(held, total.instructions)
    return kept, _rest(total, kept, {code: n * left for code, n in total.executions.items()})


def _cut_events(total: Work, parts: tuple[Work, ...]) -> tuple[Work, ...]:
    entries = _ratio(total.entries, sum(part.entries for part in parts))
    factors = {name: _event_factors(name, events, parts) for name, events in total.caches.items()}
    return tuple(
        replace(
            part,
            entries=part.entries * entries,
            caches={name: part.caches[name].scaled(factor) for name, factor in factors.items()},
        )
        for part in parts
    )


def _ratio(wanted: float, held: float) -> float:
    """Return how much of *held* is wanted, as a factor of at most 1."""
    return min(1.0, wanted / held) if held else 0.0


def _event_factors(name: str, total: Events, parts: tuple[Work, ...]) -> Events:
    def factor(kind: str) -> float:
        held = sum(float(getattr(part.caches[name], kind)) for part in parts)
        return min(1.0, float(getattr(total, kind)) / held) if held else 1.0

    return Events(factor("accesses"), factor("misses"), factor("write_backs"))


def _rest(total: Work, parts: tuple[Work, ...], executions: Mapping[bytes, float]) -> Work:
    caches = {}
    for name, events in total.caches.items():
        left = [
            max(0.0, getattr(events, kind) - sum(getattr(p.caches[name], kind) for p in parts))
            for kind in ("accesses", "misses", "write_backs")
        ]
        caches[name] = Events(*left)
    return Work(
        executions={code: n for code, n in executions.items() if n > 1e-6},
        entries=max(0.0, total.entries - sum(part.entries for part in parts)),
        caches=caches,
    )


def _short(number: float) -> float | int:
    """Return a whole number as an integer, for a shorter document."""
    return int(number) if number == int(number) else number
