"""What is asked of edgeml, held against trials; pure arithmetic.

The limits of cost and noise are those of a `Method`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.int8_peers.methods import Method
from benchmarks.int8_peers.trial import Trial

MOST_DROP = 0.34
"""Percentage points: one of 300 photos."""
LEAST_AGREEMENT = 98.3
MOST_GROWTH = 5.0
"""Per cent of memory that 1,000 photos may take more than 50."""


@dataclass(frozen=True)
class Limit:
    """One figure beside its limit."""

    what: str
    figure: float
    limit: float
    unit: str
    least: bool = False

    @property
    def met(self) -> bool:
        """Whether the figure is within the limit, both as they are printed."""
        figure, limit = round(self.figure, 2), round(self.limit, 2)
        return figure >= limit if self.least else figure <= limit

    @property
    def sentence(self) -> str:
        """The figure beside its limit."""
        kind = "at least" if self.least else "at most"
        missed = "" if self.met else "  MISSED"
        return f"{self.what}: {self.figure:.2f} {self.unit} ({kind} {self.limit:.4g}){missed}"


def limits(method: Method, trial: Trial, best_peer_db: float | None) -> Iterator[Limit]:
    """Yield what is asked of one of edgeml's ways.

    Args:
        method: The way.
        trial: What came of it.
        best_peer_db: The best ratio of signal to noise of a peer's file, if there are any.
    """
    for quality in trial.qualities:
        what = f"{method.name}, {quality.format}"
        yield Limit(f"{what}, drop", quality.drop, MOST_DROP, "points")
        yield Limit(f"{what}, agreement", quality.agreement, LEAST_AGREEMENT, "%", least=True)
        if method.sqnr_db is not None:
            yield Limit(f"{what}, SQNR", quality.sqnr_db, method.sqnr_db, "dB", least=True)
            if best_peer_db is not None:
                beside = f"{what}, SQNR beside the best peer"
                yield Limit(beside, quality.sqnr_db, best_peer_db, "dB", least=True)
    if method.cpu_s is not None:
        yield Limit(f"{method.name}, CPU", trial.cpu_s, method.cpu_s, "s")
    if method.peak_mib is not None:
        yield Limit(f"{method.name}, peak memory", trial.peak_mib, method.peak_mib, "MiB")


def growth(few_mib: float, many_mib: float) -> Limit:
    """Return by how much memory grows with the number of photos."""
    what = "edgeml, memory of 1,000 photos beside 50"
    return Limit(what, (many_mib / few_mib - 1.0) * 100.0, MOST_GROWTH, "% more")


def best_sqnr_db(trials: Sequence[Trial]) -> float | None:
    """Return the best ratio of signal to noise of all files of *trials*, if there are any."""
    return max((q.sqnr_db for trial in trials for q in trial.qualities), default=None)
