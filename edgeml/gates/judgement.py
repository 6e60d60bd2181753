"""All gates of a profile together."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeml.gates.baseline import Baseline, load_baseline
from edgeml.gates.budget import Budget, load_budget
from edgeml.gates.verdict import EntryKey, Verdict


@dataclass(frozen=True)
class Judgement:
    """What the gates said of a profile.

    Args:
        verdicts: In the order of the entries, the budget's before the baseline's.
        remarks: What was not compared, or not under the same conditions.
    """

    verdicts: tuple[Verdict, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Gates:
    """The gates that were asked for, if any."""

    budget: Budget | None
    baseline: Baseline | None
    max_regression: float

    def check_cover(self, keys: Sequence[EntryKey]) -> None:
        """Refuse gates that could not judge a profile of *keys*.

        Raises:
            InputError: See `Budget.check_covers` and `Baseline.check_covers`.
        """
        if self.budget is not None:
            self.budget.check_covers(keys)
        if self.baseline is not None:
            self.baseline.check_covers(keys)

    def limit_start(self, key: EntryKey) -> bool:
        """Return whether a program's start on *key* has to be run to judge it."""
        return self.budget is not None and self.budget.limits_start(key)

    def judge(self, entries: Sequence[Mapping[str, Any]]) -> Judgement:
        """Return what the gates say of the ``results`` of a profile.

        Raises:
            InputError: A limit is on a figure that an entry lacks.
        """
        verdicts: list[Verdict] = []
        for entry in entries:
            if self.budget is not None:
                verdicts.extend(self.budget.judge(entry))
            if self.baseline is not None:
                verdicts.extend(self.baseline.judge(entry, self.max_regression))
        remarks = () if self.baseline is None else tuple(self.baseline.remarks(entries))
        return Judgement(tuple(verdicts), remarks)


def load_gates(
    budget: Path | None, baseline: Path | None, max_regression: float, boards: Collection[str]
) -> Gates:
    """Return the gates in the files that are given.

    Args:
        budget: A TOML file; see `edgeml.gates.budget`.
        baseline: An earlier profile.
        max_regression: Largest growth over the baseline that passes, as a share.
        boards: Names of all boards that there are.

    Raises:
        InputError: A file cannot be read or does not say what it should.
    """
    return Gates(
        None if budget is None else load_budget(budget, boards),
        None if baseline is None else load_baseline(baseline),
        max_regression,
    )
