"""Which operators of a network got slower between two profiles of it."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgeml.gates.snapshot import Operator


@dataclass(frozen=True)
class OperatorChange:
    """An operator now, and the one that it was then; None when there was none."""

    then: Operator | None
    now: Operator

    def growth(self, amount: Callable[[Operator], float]) -> float:
        """Return by how much *amount* of the operator has grown."""
        return amount(self.now) - (amount(self.then) if self.then is not None else 0)


def operator_changes(then: Sequence[Operator], now: Sequence[Operator]) -> list[OperatorChange]:
    """Return every operator of *now* with its partner in *then*.

    Partners have the same name and type, the first such one with the first one and so on; of those
    that are left, the ones at the same place are partners, as when a layer was replaced.
    """
    partners = _by_name(then, now)
    taken = set(partners.values())
    for index in range(min(len(then), len(now))):
        if index not in partners and index not in taken:
            partners[index] = index
    return [
        OperatorChange(then[partners[index]] if index in partners else None, operator)
        for index, operator in enumerate(now)
    ]


def slower_operators(
    then: Sequence[Operator], now: Sequence[Operator], amount: Callable[[Operator], float]
) -> list[OperatorChange]:
    """Return the operators whose *amount* has grown, the largest growth first."""
    grown = [c for c in operator_changes(then, now) if c.growth(amount) > 0]
    return sorted(grown, key=lambda change: -change.growth(amount))


def _by_name(then: Sequence[Operator], now: Sequence[Operator]) -> dict[int, int]:
    """Return the index in *now* to the index in *then* of partners by name and type."""
    places = {key: index for index, key in enumerate(_numbered(then))}
    return {index: places[key] for index, key in enumerate(_numbered(now)) if key in places}


def _numbered(operators: Sequence[Operator]) -> list[tuple[str, str, int]]:
    """Return name, type, and the how-manieth of these each operator is."""
    seen: Counter[tuple[str, str]] = Counter()
    keys = []
    for operator in operators:
        key = (operator.name, operator.kind)
        keys.append((*key, seen[key]))
        seen[key] += 1
    return keys
