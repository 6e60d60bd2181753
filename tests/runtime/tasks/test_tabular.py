"""Numbers and classes of rows, as models of scikit-learn give them."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgeml_runtime.errors import InputError
from edgeml_runtime.manifest import Manifest
from edgeml_runtime.tasks import make_task
from edgeml_runtime.tasks.vectors import Tabular
from edgeml_runtime.tensors import TensorSpec

LABELS = ("setosa", "virginica")

ManifestMaker = Callable[..., Manifest]
Predict = Callable[..., Tabular]


def _floats(values: Any) -> np.ndarray:  # noqa: ANN401 - what numpy takes
    return np.array(values, np.float32)


@pytest.fixture
def predict(make_manifest: ManifestMaker) -> Predict:
    """Return a call that makes an answer of outputs."""

    def predict(
        outputs: dict[str, Any],
        labels: tuple[str, ...] = LABELS,
        **options: Any,  # noqa: ANN401 - JSON
    ) -> Tabular:
        arrays = {name: np.asarray(value) for name, value in outputs.items()}
        specs = tuple(TensorSpec(name, array.shape, "float32") for name, array in arrays.items())
        manifest = replace(make_manifest("tabular", labels, **options), outputs=specs)
        answer = make_task(manifest)(arrays)
        assert isinstance(answer, Tabular)
        return answer

    return predict


def test_label_and_probabilities(predict: Predict) -> None:
    answer = predict({"probabilities": _floats([[0.25, 0.75]]), "label": np.array([1])})
    assert (answer.label, answer.score) == ("virginica", 0.75)
    assert answer.summary() == "virginica 0.7500"
    assert json.loads(json.dumps(answer.to_json())) == {
        "values": {},
        "label": "virginica",
        "score": 0.75,
        "probabilities": {"setosa": 0.25, "virginica": 0.75},
    }


def test_the_label_of_the_model_counts_and_the_best_where_it_has_none(predict: Predict) -> None:
    tied = {"probabilities": _floats([[0.5, 0.5]]), "label": np.array([1])}
    assert predict(tied).label == "virginica"
    assert predict({"probabilities": _floats([[0.75, 0.25]])}).label == "setosa"


def test_scores_are_numbers_by_class(predict: Predict) -> None:
    answer = predict({"scores": _floats([[-1.5, 1.5]]), "label": np.array([[0]])})
    assert answer.values == {"scores[setosa]": -1.5, "scores[virginica]": 1.5}
    assert (answer.label, answer.score, answer.probabilities) == ("setosa", None, {})
    assert answer.summary() == "setosa; scores[setosa] -1.5; scores[virginica] 1.5"


def test_a_regression(predict: Predict) -> None:
    answer = predict({"prediction": _floats([[151.25]])}, ())
    assert (answer.values, answer.label) == ({"prediction": 151.25}, None)
    assert answer.summary() == "prediction 151.25"
    shares = {"prediction": _floats([[0.25, 0.75]])}
    several = predict(shares, ("low", "high"), kind="regression")
    assert several.values == {"prediction[low]": 0.25, "prediction[high]": 0.75}
    assert several.label is None


def test_clusters_have_numbers(predict: Predict) -> None:
    answer = predict({"scores": _floats([[2.0, 1.0, 3.0]]), "label": np.array([-1])}, ())
    assert answer.label == "-1"
    assert answer.values == {"scores[0]": 2.0, "scores[1]": 1.0, "scores[2]": 3.0}


def test_names_of_features_are_one_for_each_column(predict: Predict) -> None:
    outputs = {"prediction": _floats([[1.0]])}
    assert predict(outputs, (), features=["a", "b", "c", "d"]).values == {"prediction": 1.0}
    with pytest.raises(InputError, match="'features' has 3 names for 4 columns"):
        predict(outputs, (), features=["a", "b", "c"])


def test_what_is_no_row_is_refused(predict: Predict) -> None:
    with pytest.raises(InputError, match=r"'prediction' has the shape \(2, 3\), not a row"):
        predict({"label": np.array([0]), "prediction": np.zeros((2, 3))})
    with pytest.raises(InputError, match="'prediction' holds NaN"):
        predict({"prediction": _floats([[np.nan]])})
    with pytest.raises(InputError, match="'kind' is 'ranking'"):
        predict({"prediction": np.zeros((1, 1))}, kind="ranking")
