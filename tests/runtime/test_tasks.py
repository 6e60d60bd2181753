"""What answers are made of outputs."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgeml_runtime.errors import InputError
from edgeml_runtime.manifest import Manifest
from edgeml_runtime.tasks import make_task
from edgeml_runtime.tasks.vectors import Classification, Classifier, RawTask

LABELS = ("ant", "bee", "cat")


ManifestMaker = Callable[..., Manifest]
Classify = Callable[..., Classification]


@pytest.fixture
def classify(make_manifest: ManifestMaker) -> Classify:
    """Return a call that makes an answer of scores."""

    def classify(values: Any, labels: tuple[str, ...] = LABELS) -> Classification:  # noqa: ANN401
        task = Classifier(make_manifest("classification", labels))
        answer: Classification = task({"tensor": np.asarray(values, np.float32)})
        return answer

    return classify


def test_probabilities_are_taken_as_they_are(classify: Classify) -> None:
    answer = classify([[0.25, 0.5, 0.125]])
    assert (answer.label, answer.index, answer.score) == ("bee", 1, 0.5)
    assert answer.top == (("bee", 1, 0.5), ("ant", 0, 0.25), ("cat", 2, 0.125))
    assert answer.summary() == "bee 0.5000"
    assert json.loads(json.dumps(answer.to_json()))["top"][2] == {
        "label": "cat",
        "index": 2,
        "score": 0.125,
    }


def test_logits_become_probabilities(classify: Classify) -> None:
    answer = classify([[1.0, 3.0, 2.0]])
    expected = np.exp([3.0, 2.0, 1.0]) / np.exp([1.0, 3.0, 2.0]).sum()
    assert [score for _, _, score in answer.top] == pytest.approx(expected.tolist())


def test_huge_and_infinite_logits_do_not_overflow(classify: Classify) -> None:
    answer = classify([1e30, -np.inf, -1e30])
    assert (answer.label, answer.score) == ("ant", 1.0)


def test_five_at_most_and_index_where_there_are_no_labels(classify: Classify) -> None:
    answer = classify(np.arange(9).reshape(1, 9, 1, 1), ())
    assert [index for _, index, _ in answer.top] == [8, 7, 6, 5, 4]
    assert answer.label == "8"


def test_equal_scores_go_to_the_lower_index(classify: Classify) -> None:
    answer = classify([0.4, 0.4, 0.2])
    assert answer.index == 0


def test_what_is_no_vector_of_scores_is_refused(classify: Classify) -> None:
    with pytest.raises(InputError, match=r"shape \(2, 3\)"):
        classify(np.zeros((2, 3)))
    with pytest.raises(InputError, match="NaN"):
        classify([0.0, np.nan, 1.0])
    with pytest.raises(InputError, match="not 3 scores as there are labels"):
        classify([0.0, 1.0])


def test_raw_outputs_are_given_as_they_are(make_manifest: ManifestMaker) -> None:
    outputs = {"a": np.array([[1.5, np.nan]], np.float32), "b": np.array(3)}
    answer = RawTask(make_manifest("raw"))(outputs)
    assert answer.outputs["a"] is outputs["a"]
    assert json.loads(json.dumps(answer.to_json())) == {"outputs": {"a": [[1.5, None]], "b": 3}}
    assert answer.summary() == "a float32 1x2 from nan to nan; b int64 scalar from 3 to 3"


def test_options_that_a_task_does_not_have_are_refused(make_manifest: ManifestMaker) -> None:
    with pytest.raises(InputError, match="task_options of 'raw': there is no key 'threshold'"):
        make_task(make_manifest("raw", threshold=0.5))
