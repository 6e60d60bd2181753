"""An entry of a profile, then or now: what a baseline compares, and under which conditions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from edgeml.gates.verdict import EntryKey

UNKNOWN: Final = "unknown"
SEEDED: Final = "seeded"
"""Stands for inputs that nobody gave."""
_DIGEST_LETTERS: Final = 12
"""Of a digest, in messages: enough to tell two apart."""

# Of the provenance; the digest of the model is no condition, as the model is what is compared.
_PROVENANCE: Final = {
    "constants": "constants",
    "constants_sha256": "values of the constants",
    "qemu": "qemu",
    "plugin_sha256": "counting plugin",
    "llvm": "llvm",
    "llvm_cpu": "llvm cpu",
    "sysroot_sha256": "sysroot",
    "inputs_sha256": "inputs",
}


@dataclass(frozen=True)
class Operator:
    """One operator of an entry; see ``ops`` of ``edgeml.profile/1``."""

    index: int
    name: str
    kind: str
    latency_ms: float
    instructions: int

    @classmethod
    def of(cls, op: Mapping[str, Any]) -> "Operator":
        """Return the operator of an entry of ``ops``.

        Raises:
            KeyError, TypeError, ValueError: It is not such an entry.
        """
        return cls(
            index=int(op["index"]),
            name=str(op["name"]),
            kind=str(op["type"]),
            latency_ms=float(op["latency_ms"]),
            instructions=int(op["instructions"]),
        )

    def __str__(self) -> str:
        if self.kind.startswith("("):
            return "the engine's own work"
        # An engine that has no names for operators has many of one type.
        name = f"'{self.name}'" if self.name not in {"", self.kind} else f"#{self.index}"
        return f"{self.kind} {name}"


@dataclass(frozen=True)
class Difference:
    """A condition that was another one then."""

    condition: str
    then: str
    now: str

    def __str__(self) -> str:
        return f"{self.condition} {self.then} then, {self.now} now"


@dataclass(frozen=True)
class Snapshot:
    """What is compared of an entry.

    Args:
        key: The entry.
        estimate_ms: Its estimated latency.
        instructions: Its instruction count.
        operators: In the order in which they ran.
        conditions: Versions and digests, by name in words, that the numbers depend on.
    """

    key: EntryKey
    estimate_ms: float
    instructions: int
    operators: tuple[Operator, ...]
    conditions: Mapping[str, str]

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> "Snapshot":
        """Return the snapshot of an entry of ``results``.

        Raises:
            KeyError, TypeError, ValueError: It is not such an entry.
        """
        return cls(
            key=EntryKey.of(entry),
            estimate_ms=float(entry["latency_ms"]["estimate"]),
            instructions=int(entry["instructions"]),
            operators=tuple(map(Operator.of, entry["ops"])),
            conditions=_conditions(entry),
        )

    def differences(self, then: "Snapshot") -> Iterator[Difference]:
        """Yield the conditions that are not those of *then*."""
        for name, now in self.conditions.items():
            before = then.conditions[name]
            if before != now:
                yield Difference(name, before, now)


def _conditions(entry: Mapping[str, Any]) -> dict[str, str]:
    provenance = entry["provenance"]
    clock_mhz = entry.get("clock_mhz")
    conditions = {
        "engine": str(entry["engine"]["version"]),
        "clock": UNKNOWN if clock_mhz is None else f"{clock_mhz} MHz",
    }
    for key, name in _PROVENANCE.items():
        text = str(provenance.get(key, UNKNOWN)) or SEEDED
        conditions[name] = text[:_DIGEST_LETTERS] if key.endswith("_sha256") else text
    return conditions
