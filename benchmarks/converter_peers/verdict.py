"""Where edgeml leads, ties and trails; pure arithmetic on trials."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.converter_peers.trial import Trial

Standing = Literal["leads", "ties", "trails"]

_COST_MARGIN = 0.05
"""CPU time and memory of two runs differ by as much."""

MARGINS = {"cpu_s": _COST_MARGIN, "peak_mib": _COST_MARGIN, "ops": 0.0, "transposes": 0.0}
COLUMNS = ("right", "ops", "transposes", "cpu_s", "peak_mib", "source kept")


@dataclass(frozen=True)
class Verdict:
    """How edgeml stands beside one peer on one model, column by column."""

    subject: str
    peer: str
    standings: dict[str, Standing]

    @property
    def trails_in(self) -> tuple[str, ...]:
        """The columns in which the peer is better."""
        return tuple(column for column, s in self.standings.items() if s == "trails")

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        parts = []
        for standing in ("leads", "ties", "trails"):
            columns = [column for column, s in self.standings.items() if s == standing]
            if columns:
                parts.append(f"{standing} in {', '.join(columns)}")
        return f"{self.subject} beside {self.peer}: {'; '.join(parts)}"


def judge(ours: Trial, theirs: Trial) -> Verdict:
    """Return the verdict on two trials of one model.

    Operators, time and memory are compared where both files are right: a wrong one may be short.
    """
    standings: dict[str, Standing] = {"right": _more(ours.right, theirs.right)}
    if ours.right and theirs.right:
        pairs = {
            "ops": (ours.answers.ops, theirs.answers.ops),
            "transposes": (ours.answers.transposes, theirs.answers.transposes),
            "cpu_s": (ours.cpu_s, theirs.cpu_s),
            "peak_mib": (ours.peak_mib, theirs.peak_mib),
        }
        for column, (mine, other) in pairs.items():
            standings[column] = _less(mine, other, MARGINS[column])
    standings["source kept"] = _more(ours.source_kept, theirs.source_kept)
    return Verdict(ours.subject, theirs.converter, standings)


def verdicts(trials: Iterable[Trial], own: str = "edgeml") -> tuple[Verdict, ...]:
    """Return a verdict for each trial of a peer, in their order."""
    listed = list(trials)
    ours = {trial.subject: trial for trial in listed if trial.converter == own}
    return tuple(
        judge(ours[trial.subject], trial)
        for trial in listed
        if trial.converter != own and trial.subject in ours
    )


def total(trials: Sequence[Trial]) -> dict[str, int]:
    """Return how many of a converter's trials came how far."""
    return {
        "models": len(trials),
        "convert": sum(trial.converts for trial in trials),
        "load": sum(trial.answers.error_share is not None for trial in trials),
        "right": sum(trial.right for trial in trials),
        "kept": sum(trial.source_kept for trial in trials),
    }


def _more(mine: bool, other: bool) -> Standing:
    if mine == other:
        return "ties"
    return "leads" if mine else "trails"


def _less(mine: float, other: float, margin: float) -> Standing:
    if abs(mine - other) <= margin * max(mine, other):
        return "ties"
    return "leads" if mine < other else "trails"
