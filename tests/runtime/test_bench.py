"""The measurement: what is counted and what is said about it."""

from collections.abc import Callable
from pathlib import Path

import pytest

import edgeml_runtime
from edgeml_runtime.errors import InputError
from edgeml_runtime.trials import bench, latency_of

BundleMaker = Callable[..., Path]


def test_statistics_of_known_times() -> None:
    latency = latency_of([4.0, 1.0, 2.0, 3.0, 5.0])
    assert latency.to_json() == {
        "min": 1.0,
        "p50": 3.0,
        "mean": 3.0,
        "p90": pytest.approx(4.6),
        "p99": pytest.approx(4.96),
        "std": pytest.approx(2**0.5),
        "n": 5,
    }


@pytest.mark.parametrize("model", ["classifier", "pool"])
def test_measures_every_engine(make_bundle: BundleMaker, engine_name: str, model: str) -> None:
    told: list[tuple[str, int, int]] = []
    result = bench(
        edgeml_runtime.load(make_bundle(model), engine=engine_name),
        runs=4,
        warmup=2,
        progress=lambda *step: told.append(step),
    )
    document = result.to_json()
    assert document["schema"] == "edgeml.bench/1"
    assert document["method"] == "measured"
    assert document["engine"]["name"] == engine_name
    assert document["threads"] == 1
    times = document["latency_ms"]
    assert times["n"] == 4
    assert 0.0 < times["min"] <= times["p50"] <= times["p90"] <= times["p99"]
    assert told == [("bench", index, 6) for index in range(1, 7)]


def test_a_bundle_without_golden_vectors_is_timed_on_noise(make_bundle: BundleMaker) -> None:
    model = edgeml_runtime.load(make_bundle("classifier", golden=None))
    (feed,) = model.example_feeds()
    assert feed["image"].shape[0] == 1
    assert bench(model, runs=1, warmup=0).latency.n == 1


def test_no_runs_are_refused(make_bundle: BundleMaker) -> None:
    model = edgeml_runtime.load(make_bundle("classifier"))
    for runs, warmup in ((0, 1), (1, -1)):
        with pytest.raises(InputError, match="runs is"):
            bench(model, runs=runs, warmup=warmup)
