"""The result of a profile, and its entry in the ``edgeml.profile/1`` document."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgeml_devices.emulation.plugin import CacheCounts
from edgeml_devices.latency.cold_start import NOT_INCLUDED, ColdStart
from edgeml_devices.latency.model import LatencyTerms

# A millionth of a millisecond is below one cycle of any board.
_DECIMALS = 6


REST = "(engine)"
"""Stands for what an engine does besides its operators."""


@dataclass(frozen=True)
class OperatorLatency:
    """One operator of a profile.

    Args:
        name: As the engine calls it.
        kind: Its type, as the engine calls it.
        instructions: Executed on one thread.
        terms: What its estimate is made of.
    """

    name: str
    kind: str
    instructions: int
    terms: LatencyTerms

    def to_json(self, index: int, total_ms: float) -> dict[str, Any]:
        """Return the entry of ``ops``; *total_ms* is the estimate of the network."""
        return {
            "index": index,
            "name": self.name,
            "type": self.kind,
            "latency_ms": round(self.terms.total_ms, _DECIMALS),
            "share": round(self.terms.total_ms / total_ms, _DECIMALS) if total_ms else 0.0,
            "limit": self.terms.limit,
            "instructions": self.instructions,
            "terms_ms": _rounded(self.terms.to_json()),
        }


@dataclass(frozen=True)
class ProfileResult:
    """An emulated profile: one model in one engine on one board.

    Args:
        target: Name of the board.
        engine: Name of the engine.
        engine_version: Its version.
        threads: Threads that the estimate is for.
        terms: What the estimate is made of.
        low_ms: Lower end of the error band.
        high_ms: Upper end of the error band.
        instructions: Executed by the engine's run call, on one thread.
        runtime_instructions: Executed besides by edgeml's runtime: checks, and copies of inputs and
            outputs. They are not in the estimate.
        cycles: Of the core's pipeline, on one thread, were every load a hit in L1.
        caches: Events by level, ``l1d`` first, on one thread.
        operators: In the order in which they ran; the last is the engine's own work.
        by_threads_ms: The estimate for each number of threads that the board has cores for.
        ops_unknown_because: Why there are no operators but the engine's own work; mostly empty.
        provenance: Versions and digests of all that the numbers depend on.
        cold_start: A program's start, when it was asked for.
    """

    target: str
    engine: str
    engine_version: str
    threads: int
    terms: LatencyTerms
    low_ms: float
    high_ms: float
    instructions: int
    runtime_instructions: int
    cycles: int
    caches: Mapping[str, CacheCounts]
    operators: tuple[OperatorLatency, ...]
    by_threads_ms: Mapping[int, float]
    ops_unknown_because: str
    provenance: Mapping[str, str]
    cold_start: ColdStart | None = None

    @property
    def estimate_ms(self) -> float:
        """The estimated latency of one inference."""
        return self.terms.total_ms

    def to_json(self) -> dict[str, Any]:
        """Return this result's entry of the ``edgeml.profile/1`` document."""
        latency_ms = {"estimate": self.estimate_ms, "low": self.low_ms, "high": self.high_ms}
        return {
            "target": self.target,
            "engine": {"name": self.engine, "version": self.engine_version},
            "threads": self.threads,
            "method": "emulated",
            "latency_ms": _rounded(latency_ms),
            "terms_ms": _rounded(self.terms.to_json()),
            "by_threads_ms": _rounded({str(n): ms for n, ms in self.by_threads_ms.items()}),
            "instructions": self.instructions,
            "runtime_instructions": self.runtime_instructions,
            "cycles": self.cycles,
            "cache": {name: dict(vars(counts)) for name, counts in self.caches.items()},
            "ops": [o.to_json(i, self.estimate_ms) for i, o in enumerate(self.operators)],
            "ops_unknown_because": self.ops_unknown_because,
            "provenance": dict(self.provenance),
            **_start_json(self.cold_start),
        }


def _start_json(start: ColdStart | None) -> dict[str, Any]:
    """Return the fields of a cold start; none when none was asked for."""
    if start is None:
        return {}
    return {
        "cold_start_ms": round(start.total_ms, _DECIMALS),
        "cold_start": {
            "stages_ms": _rounded(start.stages_ms),
            "stages_instructions": dict(start.stages_instructions),
            "lower_bound": True,
            "not_included": list(NOT_INCLUDED),
        },
        "peak_memory_mib": round(start.peak_memory_mib, _DECIMALS),
        "resident_mib": _rounded(start.resident_mib),
    }


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, _DECIMALS) for name, value in values.items()}
