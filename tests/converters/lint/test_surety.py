"""The race of preparations, on answers that are given."""

import dataclasses

import numpy as np

from edgeml_converters.lint.preparations import reversed_channels
from edgeml_converters.lint.surety import Preference, find_preference
from edgeml_converters.lint.thresholds import load_thresholds

CLASSES = 10
LIMITS = load_thresholds().surety


def _answer_by(sureness: float, *, reversed_better: bool) -> Preference | None:
    """Race channels in both orders: the first channel is the class, the last one says 'given'."""
    generator = np.random.default_rng(1)

    def answer(sample: np.ndarray) -> np.ndarray:
        given = sample[0, 2, 0, 0] > 50
        label = int(sample[0, 0 if given else 2, 0, 0])
        sharp = sureness if given != reversed_better else 1.0
        logits = generator.normal(0, 0.3, CLASSES)
        logits[label] += sharp + generator.normal(0, 0.3)
        powers = np.exp(logits)
        return np.asarray(powers / powers.sum())

    samples = [
        np.array([index % CLASSES, 0, 99], np.float32).reshape(1, 3, 1, 1) for index in range(64)
    ]
    return find_preference(
        answer, samples, None, [reversed_channels("NCHW")], runs=1000, limits=LIMITS
    )


def test_the_order_that_makes_the_network_surer_is_found() -> None:
    found = _answer_by(6.0, reversed_better=True)
    assert found is not None
    assert found.variant.reversed
    assert found.confidence[0] > found.confidence[1]


def test_the_order_that_was_given_wins_and_draws() -> None:
    assert _answer_by(6.0, reversed_better=False) is None
    assert _answer_by(1.0, reversed_better=True) is None


def test_the_race_ends_where_runs_do_not_suffice() -> None:
    def answer(sample: np.ndarray) -> np.ndarray:
        raise AssertionError(sample.shape)

    samples = [np.zeros((1, 3, 1, 1), np.float32)] * 64
    variants = [reversed_channels("NCHW")]
    assert find_preference(answer, samples, None, variants, runs=15, limits=LIMITS) is None


def test_every_checkpoint_has_its_limits() -> None:
    limits = dataclasses.asdict(LIMITS)
    assert len(limits["checkpoints"]) == len(limits["hopeless"]) == len(limits["decisive"])
    assert list(limits["checkpoints"]) == sorted(limits["checkpoints"])
