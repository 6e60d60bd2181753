"""Drift against what a bundle recorded, on made-up figures whose answer is known."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgeml_runtime.drift import BINS, Drift, channels, measure
from edgeml_runtime.errors import InputError
from edgeml_runtime.manifest import Manifest
from edgeml_runtime.tasks.vectors import Classification

LABELS = tuple("abcd")
ManifestMaker = Callable[..., Manifest]


def _statistics(**changes: Any) -> "dict[str, Any]":  # noqa: ANN401 - JSON
    return {
        "schema": "edgeml.statistics/1",
        "samples": 1000,
        "input": {
            "range": [0.0, 256.0],
            "mean": [100.0, 50.0, 200.0],
            "spread": [10.0, 10.0, 20.0],
            "shares": [1 / BINS] * BINS,
        },
        "prediction": {
            "bounds": [0, 1, 3],
            "shares": [0.5, 0.25, 0.25],
            "mean": [0.8],
            "spread": [0.1],
        },
        **changes,
    }


@pytest.fixture
def make_drift(make_manifest: ManifestMaker) -> "Callable[..., Drift]":
    def make_drift(**changes: Any) -> Drift:  # noqa: ANN401 - JSON
        manifest = make_manifest("classification", LABELS)
        object.__setattr__(manifest, "statistics", _statistics(**changes))
        return Drift(manifest)

    return make_drift


def _fed(
    drift: Drift, count: int, means: "tuple[float, ...]", shares: "list[float]", score: float = 0.8
) -> "dict[str, tuple[float, float]]":
    random = np.random.default_rng(0)
    for _ in range(count):
        noise = random.normal(0.0, 10.0, 3)
        image = np.broadcast_to(np.array(means) + noise, (4, 4, 3))
        index = int(random.choice(4, p=shares))
        top = (LABELS[index], index, score + float(random.normal(0.0, 0.1)))
        drift.observe(image, drift.answers(Classification(*top, (top,))))
    return {signal: (value, limit) for signal, value, limit in drift.figures()}


SAME = (100.0, 50.0, 200.0)
SHARES = [0.5, 0.25, 0.125, 0.125]


def test_the_same_is_no_drift(make_drift: "Callable[..., Drift]") -> None:
    found = _fed(make_drift(), 400, SAME, SHARES)
    for signal in ("input_mean", "score", "prediction"):
        value, limit = found[signal]
        assert value < limit / 2


@pytest.mark.parametrize(
    ("means", "shares", "score", "signal"),
    [
        ((100.0, 62.0, 200.0), SHARES, 0.8, "input_mean"),
        (SAME, [0.1, 0.4, 0.25, 0.25], 0.8, "prediction"),
        (SAME, [0.0, 0.0, 0.0, 1.0], 0.8, "prediction"),
        (SAME, SHARES, 0.65, "score"),
    ],
)
def test_each_signal_tells_what_moved(
    make_drift: "Callable[..., Drift]",
    means: "tuple[float, ...]",
    shares: "list[float]",
    score: float,
    signal: str,
) -> None:
    found = _fed(make_drift(), 256, means, shares, score)
    del found["input_histogram"]
    assert [name for name, (value, limit) in found.items() if value > limit] == [signal]


def test_a_shift_is_in_standard_deviations(make_drift: "Callable[..., Drift]") -> None:
    found = _fed(make_drift(), 256, (100.0, 50.0, 240.0), SHARES)
    assert found["input_mean"][0] == pytest.approx(2.0, abs=0.15)


def test_the_window_forgets(make_drift: "Callable[..., Drift]") -> None:
    drift = make_drift()
    assert _fed(drift, 500, (0.0, 0.0, 0.0), [0.0, 0.0, 0.0, 1.0])["input_mean"][0] > 5.0
    assert _fed(drift, 256, SAME, SHARES)["input_mean"][0] < 0.3


def test_few_samples_say_nothing(make_drift: "Callable[..., Drift]") -> None:
    assert _fed(make_drift(), 29, (0.0, 0.0, 0.0), SHARES) == {}


def test_a_bundle_that_recorded_little_watches_what_it_has(
    make_manifest: ManifestMaker, make_drift: "Callable[..., Drift]"
) -> None:
    assert set(_fed(make_drift(input=None), 40, SAME, SHARES)) == {"prediction", "score"}
    assert set(_fed(make_drift(prediction=None), 40, SAME, SHARES)) == {
        "input_mean",
        "input_histogram",
    }
    assert _fed(Drift(make_manifest("classification", LABELS)), 40, SAME, SHARES) == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "edgeml.statistics/9"},
        {"samples": 0},
        {"input": {"range": [0.0, 1.0], "mean": [0.0], "spread": [1.0], "shares": [1.0]}},
        {"input": {"range": [0.0], "mean": [0.0], "spread": [1.0], "shares": [0.1] * BINS}},
        {"prediction": {"bounds": [1], "shares": ["x"], "mean": [0.5], "spread": [0.1]}},
        {"prediction": {"bounds": [1], "shares": [1.0], "mean": [0.5, 0.5], "spread": [0.1]}},
        {"prediction": {"bounds": [1]}},
    ],
)
def test_statistics_that_are_wrong_are_refused(
    make_drift: "Callable[..., Drift]", changes: "dict[str, Any]"
) -> None:
    with pytest.raises(InputError, match="statistics"):
        make_drift(**changes)


@pytest.mark.parametrize(
    ("shape", "wide"),
    [
        ((30, 40, 3), 3),
        ((1080, 1920, 3), 3),
        ((28, 28), 1),
        ((1, 3, 64, 64), 1),
        ((16000,), 1),
        ((12,), 12),
        ((1, 12), 12),
        ((), 1),
    ],
)
def test_values_that_are_looked_at(shape: "tuple[int, ...]", wide: int) -> None:
    sample = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    values = channels(sample)
    assert values.shape[1] == wide
    assert min(sample.size // wide, 1000) <= len(values) <= 12_000
    means, shares = measure(sample, 0.0, 256.0)
    np.testing.assert_allclose(means, values.astype(np.float64).mean(axis=0), rtol=1e-5)
    assert shares.sum() == pytest.approx(1.0)


def test_values_outside_and_nan_are_counted_at_the_ends() -> None:
    sample = np.array([[-5.0, np.nan, 0.5, 99.0] * 20])
    _, shares = measure(sample, 0.0, 1.0)
    assert shares[0] == 0.5
    assert shares[BINS // 2] == shares[-1] == 0.25
