"""Scores on labelled data."""

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from edgeml_converters.data import Dataset, Sample, synthetic_data
from edgeml_converters.verify import Accuracy, artifact_runner, score
from edgeml_runtime.engines import Engine
from edgeml_runtime.errors import InputError

_numbers = itertools.count()


def _dataset(labels: list[int]) -> Dataset:
    def read() -> Iterator[Sample]:
        for label in labels:
            yield Sample({"x": np.zeros(1)}, label, np.zeros(1))

    return Dataset("made up", read, size=len(labels), labelled=True)


def _constant(*scores: float) -> Mapping[str, np.ndarray]:
    return {"logits": np.array([scores])}


def test_the_example_network_scores_as_it_was_trained(
    fashion_engine: Engine, fashion_data: Dataset
) -> None:
    runner = artifact_runner(fashion_engine, fashion_engine.inputs, fashion_engine.outputs)
    top1, n = score(runner, fashion_data, "top1")
    assert n == 1000
    assert 92.0 < top1 < 95.0
    top5, _ = score(runner, fashion_data.take(100), "top5")
    assert top5 >= 99.0


@pytest.mark.parametrize(
    ("label", "top1", "top5"), [(6, 100, 100), (5, 0, 100), (2, 0, 100), (1, 0, 0)]
)
def test_the_label_must_be_among_the_best(label: int, top1: float, top5: float) -> None:
    def runner(_: object) -> Mapping[str, np.ndarray]:
        return _constant(0, 1, 2, 3, 4, 5, 6)

    assert score(runner, _dataset([label]), "top1") == (top1, 1)
    assert score(runner, _dataset([label]), "top5") == (top5, 1)


def test_of_equal_scores_the_lower_class_counts_first() -> None:
    def runner(_: object) -> Mapping[str, np.ndarray]:
        return _constant(1, 1, 0)

    assert score(runner, _dataset([0, 1, 2, 0]), "top1") == (50.0, 4)


def test_scores_that_are_no_numbers_are_wrong() -> None:
    def runner(_: object) -> Mapping[str, np.ndarray]:
        return _constant(np.nan, np.nan, np.nan)

    assert score(runner, _dataset([0, 1]), "top5") == (0.0, 2)


def test_scores_with_spare_axes_and_other_outputs_are_found() -> None:
    def runner(_: object) -> Mapping[str, np.ndarray]:
        return {"size": np.ones((1, 1)), "logits": np.array([0.0, 9.0]).reshape(1, 2, 1, 1)}

    assert score(runner, _dataset([1]), "top1") == (100.0, 1)


def test_a_metric_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"user_metric_{next(_numbers)}"
    (tmp_path / f"{name}.py").write_text(
        "def half(outputs, label):\n"
        "    return 0.5 if outputs['logits'].shape == (1, 2) and label == 1 else 0.0\n"
        "def percent(outputs, label):\n    return 50\n"
        "def fails(outputs, label):\n    return outputs['nothing']\n"
        "def text(outputs, label):\n    return 'good'\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    def runner(_: object) -> Mapping[str, np.ndarray]:
        return _constant(1, 2)

    assert score(runner, _dataset([1, 0]), f"{name}:half") == (25.0, 2)
    for metric, problem in (
        ("percent", "returned 50"),
        ("fails", "KeyError: 'nothing'"),
        ("text", "ValueError"),
    ):
        with pytest.raises(InputError, match=problem):
            score(runner, _dataset([1]), f"{name}:{metric}")


def test_what_cannot_be_scored_is_said(fashion_engine: Engine) -> None:
    def runner(_: object) -> Mapping[str, np.ndarray]:
        return _constant(1, 2)

    with pytest.raises(InputError, match="no metric 'top3'"):
        score(runner, _dataset([0]), "top3")
    with pytest.raises(InputError, match="label 2 is not among the model's 2 classes"):
        score(runner, _dataset([0, 2]), "top1")
    with pytest.raises(InputError, match="gave no samples"):
        score(runner, _dataset([]), "top1")
    with pytest.raises(InputError, match="no labels"):
        score(runner, synthetic_data(fashion_engine.inputs, 2), "top1")
    with pytest.raises(InputError, match=r"no output of class scores.*mask \(1, 3, 4, 4\)"):
        score(lambda _: {"mask": np.ones((1, 3, 4, 4))}, _dataset([0]), "top1")


def test_the_drop_is_in_points_and_positive_when_worse() -> None:
    accuracy = Accuracy.of("top1", reference=90.0, value=89.25, n=400)
    assert accuracy.to_json() == {
        "metric": "top1",
        "reference": 90.0,
        "value": 89.25,
        "drop": 0.75,
        "n": 400,
    }
