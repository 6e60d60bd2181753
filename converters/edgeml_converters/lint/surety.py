"""Whether a classifier is surer of its answers when the samples are prepared otherwise.

The figure is the entropy of the class probabilities, sample by sample: a network that sees what it
was trained on is surer. A preparation that is surer but always gives the same answer is no better,
so the variety of the answers counts as well, and labels do where there are any.

After D. Hendrycks and K. Gimpel, "A Baseline for Detecting Misclassified and Out-of-Distribution
Examples in Neural Networks" (2017), on sureness; J. Bridle, A. Heading and D. MacKay,
"Unsupervised Classifiers, Mutual Information and 'Phantom Targets'" (1991), on variety.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from edgeml_converters.lint.preparations import Variant
from edgeml_converters.lint.thresholds import SuretyLimits

Probabilities = Callable[[np.ndarray], np.ndarray]
TINY = 1e-9


@dataclass(frozen=True)
class Preference:
    """A preparation that the network clearly likes better than the one it was given.

    Args:
        variant: The preparation.
        samples: On how many samples.
        confidence: Mean probability of the best class, with it and with the samples as given.
        answers: How many different classes came first, likewise.
        right: How many samples were right, likewise; None without labels.
    """

    variant: Variant
    samples: int
    confidence: tuple[float, float]
    answers: tuple[int, int]
    right: tuple[int, int] | None


@dataclass
class _Answers:
    """The answers for one preparation, in the order of the samples."""

    rows: list[np.ndarray] = field(default_factory=list)

    def entropy(self) -> np.ndarray:
        return np.array([-(row * np.log(row + TINY)).sum() for row in self.rows])

    def variety(self) -> float:
        mean = np.mean(self.rows, axis=0)
        return float(-(mean * np.log(mean + TINY)).sum() - self.entropy().mean())

    def confidence(self) -> float:
        return float(np.mean([row.max() for row in self.rows]))

    def different(self) -> int:
        return len({int(row.argmax()) for row in self.rows})

    def right(self, labels: Sequence[int]) -> np.ndarray:
        return np.array(
            [row.argmax() == label for row, label in zip(self.rows, labels, strict=True)]
        )

    def likelihood(self, labels: Sequence[int]) -> np.ndarray:
        pairs = zip(self.rows, labels, strict=True)
        return np.array([np.log(row[label] + 1e-6) for row, label in pairs])


def find_preference(
    answer: Probabilities,
    samples: Sequence[np.ndarray],
    labels: Sequence[int] | None,
    variants: Sequence[Variant],
    *,
    runs: int,
    limits: SuretyLimits,
) -> Preference | None:
    """Return the variant that is clearly better than the samples as given, if there is one.

    The variants run a race: at each checkpoint those that fall behind are dropped, so that sound
    samples cost little.

    Args:
        answer: Returns the class probabilities of one sample.
        samples: As given, each with its batch axis; in no particular order.
        labels: Their classes, where they are known.
        variants: What else to try.
        runs: How often *answer* may be called; the race ends where that does not suffice.
        limits: From the table.
    """
    given, runners = _Answers(), [(variant, _Answers()) for variant in variants]
    done = 0
    for checkpoint, hopeless, decisive in zip(
        limits.checkpoints, limits.hopeless, limits.decisive, strict=True
    ):
        if not runners or done == len(samples) or len(samples) < limits.checkpoints[0]:
            return None
        runs -= (min(checkpoint, len(samples)) - done) * (1 + len(runners))
        if runs < 0:
            return None
        for sample in samples[done:checkpoint]:
            given.rows.append(answer(sample))
            for variant, answers in runners:
                answers.rows.append(answer(variant.change(sample)))
        done = min(checkpoint, len(samples))
        known = None if labels is None else labels[:done]
        better = [
            (gain, index)
            for index, (_, answers) in enumerate(runners)
            if (gain := _gain(given, answers, known, decisive, limits)) > 0
        ]
        if better:
            variant, answers = runners[max(better)[1]]
            return _preference(variant, answers, given, known)
        runners = [pair for pair in runners if _promising(given, pair[1], known, hopeless, limits)]
    return None


def _preference(
    variant: Variant, answers: _Answers, given: _Answers, labels: Sequence[int] | None
) -> Preference:
    return Preference(
        variant=variant,
        samples=len(given.rows),
        confidence=(answers.confidence(), given.confidence()),
        answers=(answers.different(), given.different()),
        right=None
        if labels is None
        else (int(answers.right(labels).sum()), int(given.right(labels).sum())),
    )


def _promising(
    given: _Answers,
    answers: _Answers,
    labels: Sequence[int] | None,
    t: float,
    limits: SuretyLimits,
) -> bool:
    if _t(given.entropy() - answers.entropy()) >= t or _tells_apart(given, answers, limits):
        return True
    if labels is None:
        return False
    return _t(answers.likelihood(labels) - given.likelihood(labels)) >= t


def _gain(
    given: _Answers,
    answers: _Answers,
    labels: Sequence[int] | None,
    decisive: float,
    limits: SuretyLimits,
) -> float:
    """Return by how many nats a variant is better, or 0 where it is not clearly better."""
    before, after = given.entropy(), answers.entropy()
    if labels is not None:
        was, now = given.right(labels), answers.right(labels)
        if max(was.mean(), now.mean()) >= limits.labels_right:
            won = int(now.sum()) - int(was.sum())
            gained = answers.likelihood(labels) - given.likelihood(labels)
            if won >= limits.labels_won and _t(gained) >= limits.labels_t:
                return float(gained.mean())
            if won < 0:
                return 0.0
    surer = (
        _t(before - after) >= decisive
        and float((before - after).mean()) >= limits.least_entropy
        and after.mean() <= limits.entropy_ratio * before.mean()
        and after.mean() <= limits.sure * np.log(len(given.rows[0]))
        and answers.variety() >= given.variety() + limits.variety
    )
    apart = len(before) >= limits.apart_samples and _tells_apart(given, answers, limits)
    return answers.variety() - given.variety() if surer or apart else 0.0


def _tells_apart(given: _Answers, answers: _Answers, limits: SuretyLimits) -> bool:
    """Return whether the answers differ from sample to sample where those given hardly do."""
    least = max(limits.apart_ratio * given.variety(), given.variety() + limits.apart)
    return answers.variety() >= least


def _t(differences: np.ndarray) -> float:
    """Return Student's t of the mean against zero."""
    deviation = float(differences.std(ddof=1))
    mean = float(differences.mean())
    if deviation == 0.0:
        return 0.0 if mean == 0.0 else float(np.sign(mean) * np.inf)
    return float(mean / (deviation / np.sqrt(len(differences))))
