"""What a search found: all trials, which of them are worth having, which was chosen and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgeml.search.trial import FLOAT, Trial
from edgeml_converters.quantize import Recipe


@dataclass(frozen=True)
class SearchOutcome:
    """The result of a search.

    Args:
        trials: All that were measured, the float model first.
        chosen: One of them.
        max_drop: The percentage points that it was allowed to lose.
        targets: The boards whose latency counted.
        reasons: Why it was chosen, and what stands in the way of better, in sentences.
    """

    trials: tuple[Trial, ...]
    chosen: Trial
    max_drop: float
    targets: tuple[str, ...]
    reasons: tuple[str, ...]

    @property
    def recipe(self) -> Recipe:
        """What makes the chosen files again."""
        return self.chosen.recipe

    @property
    def met(self) -> bool:
        """Whether the chosen one loses no more than it may."""
        return self.chosen.drop <= self.max_drop

    @property
    def front(self) -> tuple[Trial, ...]:
        """The trials that no other beats in one respect without losing in another.

        Where boards count, those that were not timed have no place in it.
        """
        rivals = [trial for trial in self.trials if trial.latency_ms or not self.targets]
        return tuple(trial for trial in rivals if not any(_beats(other, trial) for other in rivals))

    def to_json(self) -> dict[str, Any]:
        """Return the ``search`` entry of the conversion's document."""
        front = self.front
        return {
            "max_drop": self.max_drop,
            "targets": list(self.targets),
            "met": self.met,
            "chosen": self.chosen.name,
            "reasons": list(self.reasons),
            "trials": [
                {**trial.to_json(), "pareto": trial in front, "chosen": trial is self.chosen}
                for trial in self.trials
            ],
        }


def cost(trial: Trial) -> float:
    """Return what a trial costs: milliseconds, over all boards, or bytes where none was asked."""
    return sum(trial.latency_ms.values()) or float(trial.size_bytes)


def _beats(one: Trial, other: Trial) -> bool:
    """Return whether *one* is better than *other* in some respect and worse in none.

    A score in points is coarse; among equal ones the noise decides.
    """
    mine = (one.drop, -one.sqnr_db, cost(one))
    theirs = (other.drop, -other.sqnr_db, cost(other))
    return mine != theirs and all(a <= b for a, b in zip(mine, theirs, strict=True))


def slower_than_float(trial: Trial, trials: Sequence[Trial]) -> tuple[str, ...]:
    """Return a sentence for each board and format in which *trial* is not faster than float."""
    reference = next((item for item in trials if item.recipe.scheme == FLOAT), None)
    if reference is None or trial.recipe.scheme == FLOAT:
        return ()
    floats = {file.format: file.latency_ms for file in reference.files}
    return tuple(
        f"On {board} the {file.format} file of '{trial.name}' is not faster than float32: "
        f"{latency:.3g} ms beside {floats[file.format][board]:.3g} ms."
        for file in trial.files
        for board, latency in file.latency_ms.items()
        if board in floats.get(file.format, {}) and latency >= floats[file.format][board]
    )
