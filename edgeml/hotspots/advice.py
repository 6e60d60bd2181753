"""What the limiting resource of an operator means, and what would make it faster."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

LIMITS: Final[Mapping[str, str]] = {
    "compute": "arithmetic",
    "l2": "moving data between caches",
    "dram": "moving data to and from memory",
    "sync": "waiting of the threads for each other",
}
"""Limit of an operator, as profiles name it, to words."""

_MEMORY: Final = "more threads will not help; fuse operators or shrink activations and weights"
_INTEGER_MEMORY: Final = "more threads will not help; fuse operators or shrink activations"
_FLOAT: Final = {
    "compute": "int8, more threads or a smaller layer",
    "l2": f"int8; {_MEMORY}",
    "dram": f"int8; {_MEMORY}",
    "sync": "many small operators: fewer threads",
}
_INTEGER: Final = {
    "compute": "more threads or a smaller layer",
    "l2": _INTEGER_MEMORY,
    "dram": _INTEGER_MEMORY,
    "sync": _FLOAT["sync"],
}
_WORTH_SAYING: Final = 0.05
"""Of the estimate; what limits less is not worth a sentence."""


@dataclass(frozen=True)
class Advice:
    """What would help the operators that one resource limits.

    Args:
        limit: The resource.
        share: Of the estimate that these operators take.
        remedy: What would help.
    """

    limit: str
    share: float
    remedy: str


def advice_on(op: Mapping[str, Any], *, quantized: bool) -> str:
    """Return what would help an entry of ``ops``; empty for the engine's own work."""
    if op["type"].startswith("("):
        return ""
    return (_INTEGER if quantized else _FLOAT)[op["limit"]]


def advice_in_order(ops: Sequence[Mapping[str, Any]], *, quantized: bool) -> Iterator[Advice]:
    """Yield what would help, for the resource that limits the most first."""
    shares: dict[str, float] = {}
    for op in ops:
        shares[op["limit"]] = shares.get(op["limit"], 0.0) + op["share"]
    remedies = _INTEGER if quantized else _FLOAT
    for limit, share in sorted(shares.items(), key=lambda item: -item[1]):
        if share >= _WORTH_SAYING:
            yield Advice(limit, share, remedies[limit])
