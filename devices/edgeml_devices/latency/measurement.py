"""The counts of one inference, operator by operator, as values and as a document.

Must not know how they are counted, nor what they cost in time. They depend neither on the number of
threads nor on a constant of the latency model, so that one emulation serves all of those.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgeml_devices.latency.work import Work

SCHEMA = "edgeml.measurement/2"


@dataclass(frozen=True)
class OperatorWork:
    """One operator.

    Args:
        name: As the engine calls it.
        kind: Its type, as the engine calls it.
        work: What it executed.
    """

    name: str
    kind: str
    work: Work


@dataclass(frozen=True)
class Measurement:
    """The counts of one inference on one thread.

    Args:
        engine_version: As the engine itself says in the guest.
        instructions: In the engine's own run call.
        runtime_instructions: More instructions in the call into edgeml's runtime around it.
        line_bytes: Length of a cache line.
        operators: In the order in which they ran; empty for engines that tell nothing of them.
        rest: What the engine did besides; all of it where there are no operators.
        unknown_because: Why there are no operators; empty when there are.
    """

    engine_version: str
    instructions: int
    runtime_instructions: int
    line_bytes: int
    operators: tuple[OperatorWork, ...]
    rest: Work
    unknown_because: str

    @property
    def works(self) -> tuple[Work, ...]:
        """Everything: the operators in their order, then the rest."""
        return (*(operator.work for operator in self.operators), self.rest)

    def to_json(self) -> dict[str, Any]:
        """Return the ``edgeml.measurement/2`` document."""
        codes = sorted({code for work in self.works for code in work.executions})
        places = {code: place for place, code in enumerate(codes)}
        return {
            "schema": SCHEMA,
            "engine_version": self.engine_version,
            "instructions": self.instructions,
            "runtime_instructions": self.runtime_instructions,
            "line_bytes": self.line_bytes,
            "codes": [code.hex() for code in codes],
            "operators": [
                {"name": o.name, "kind": o.kind, "work": o.work.to_json(places)}
                for o in self.operators
            ],
            "rest": self.rest.to_json(places),
            "unknown_because": self.unknown_because,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Measurement":
        """Return the measurement that ``to_json`` described."""
        codes = [bytes.fromhex(code) for code in document["codes"]]
        return cls(
            engine_version=document["engine_version"],
            instructions=document["instructions"],
            runtime_instructions=document["runtime_instructions"],
            line_bytes=document["line_bytes"],
            operators=tuple(
                OperatorWork(e["name"], e["kind"], Work.from_json(e["work"], codes))
                for e in document["operators"]
            ),
            rest=Work.from_json(document["rest"], codes),
            unknown_because=document["unknown_because"],
        )
