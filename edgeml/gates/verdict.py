"""What one gate said of one entry of a profile."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from edgeml_runtime.errors import EngineCrashError, GateError

Gate = Literal["budget", "baseline", "engine"]


@dataclass(frozen=True, order=True)
class EntryKey:
    """What tells the entries of a profile apart.

    Args:
        target: Name of the board.
        engine: Name of the engine, without its version.
        variant: The variant of a bundle, or the name of a file.
        threads: Threads of the engine.
    """

    target: str
    engine: str
    variant: str
    threads: int

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> "EntryKey":
        """Return the key of an entry of ``results``."""
        return cls(
            str(entry["target"]),
            str(entry["engine"]["name"]),
            str(entry["variant"]),
            int(entry["threads"]),
        )

    def __str__(self) -> str:
        threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        return f"{self.variant} in {self.engine} on {self.target} ({threads})"


@dataclass(frozen=True)
class Verdict:
    """What one gate said of one entry.

    Args:
        key: The entry.
        gate: ``budget``, ``baseline``, or ``engine`` for one that died.
        measure: What was looked at, such as ``p50_ms``.
        value: What the profile has; None when the engine died.
        limit: The largest value that passes; None when the engine died.
        reference: The baseline's value; None without one.
        failure: Why the gate was not passed; None when it was.
    """

    key: EntryKey
    gate: Gate
    measure: str
    value: float | None
    limit: float | None
    reference: float | None
    failure: GateError | None

    def to_json(self) -> dict[str, Any]:
        """Return the entry of ``gates`` in ``edgeml.profile/1``."""
        return {
            **vars(self.key),
            "gate": self.gate,
            "measure": self.measure,
            "value": self.value,
            "limit": self.limit,
            "reference": self.reference,
            "passed": self.failure is None,
            "problem": None if self.failure is None else self.failure.problem,
        }


def crash_verdict(key: EntryKey, crash: EngineCrashError) -> Verdict:
    """Return the verdict on an engine that died, which no other gate can judge."""
    return Verdict(key, "engine", "run", None, None, None, crash)
