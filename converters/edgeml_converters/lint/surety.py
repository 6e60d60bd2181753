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
        confidence: Mean probability of the best class with it.
        given: Likewise with the samples as given.
        samples: On how many samples.
    """

    variant: Variant
    confidence: float
    given: float
    samples: int


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
        limits: From the table.
    """
    given, runners = _Answers(), [(variant, _Answers()) for variant in variants]
    done = 0
    for checkpoint, hopeless, decisive in zip(
        limits.checkpoints, limits.hopeless, limits.decisive, strict=True
    ):
        if not runners or checkpoint > len(samples):
            return None
        for sample in samples[done:checkpoint]:
            given.rows.append(answer(sample))
            for variant, answers in runners:
                answers.rows.append(answer(variant.change(sample)))
        done = checkpoint
        known = None if labels is None else labels[:done]
        better = [
            (gain, index)
            for index, (_, answers) in enumerate(runners)
            if (gain := _gain(given, answers, known, decisive, limits)) > 0
        ]
        if better:
            variant, answers = runners[max(better)[1]]
            return Preference(variant, answers.confidence(), given.confidence(), done)
        runners = [pair for pair in runners if _promising(given, pair[1], known, hopeless)]
    return None


def _promising(given: _Answers, answers: _Answers, labels: Sequence[int] | None, t: float) -> bool:
    if _t(given.entropy() - answers.entropy()) >= t:
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
    """Return by how many nats a variant is surer, or 0 where it is not clearly better."""
    before, after = given.entropy(), answers.entropy()
    won = 0
    if labels is not None:
        was, is_ = given.right(labels), answers.right(labels)
        if max(was.mean(), is_.mean()) >= limits.labels_right:
            won = int(is_.sum()) - int(was.sum())
            gained = answers.likelihood(labels) - given.likelihood(labels)
            if won >= limits.labels_won and _t(gained) >= limits.labels_t:
                return float(gained.mean())
    gain = float((before - after).mean())
    classes = len(given.rows[0])
    clearly = (
        won >= 0
        and _t(before - after) >= decisive
        and gain >= limits.least_entropy
        and after.mean() <= limits.entropy_ratio * before.mean()
        and after.mean() <= limits.sure * np.log(classes)
        and answers.variety() >= given.variety() + limits.variety
    )
    return gain if clearly else 0.0


def _t(differences: np.ndarray) -> float:
    """Return Student's t of the mean against zero."""
    deviation = float(differences.std(ddof=1))
    mean = float(differences.mean())
    if deviation == 0.0:
        return 0.0 if mean == 0.0 else float(np.sign(mean) * np.inf)
    return float(mean / (deviation / np.sqrt(len(differences))))
