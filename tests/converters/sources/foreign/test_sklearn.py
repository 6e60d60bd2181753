"""scikit-learn models as sources: the artifact answers as the model does, on thresholds too."""

import subprocess
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from edgeml_converters.graph import optimize, serialize_onnx
from edgeml_converters.numpy_program import write_numpy
from edgeml_converters.sources import SourceModel, SourceSettings, load_source
from edgeml_converters.tflite import write_tflite
from edgeml_runtime.engines import open_engine
from edgeml_runtime.errors import InputError, UnsupportedError

HERE = Path(__file__).parent
FAST = ("logreg_names", "scaled_forest")
SLOW = (
    "frame",
    "logreg",
    "mlp",
    "mlp_names",
    "linear_svc",
    "svc",
    "forest",
    "forest_names",
    "forest_ties",
    "boosting",
    "bayes",
    "voting",
    "histogram",
    "scaled_histogram",
    "histogram_regressor",
    "ridge",
)
TABLES = (
    *("adaboost", "bagging", "bernoulli", "boosting_regressor", "boosting_two", "clusters"),
    *("complement", "elastic_net", "extra_trees", "forest_regressor", "histogram_holes"),
    *("imputed", "imputed_forest", "mlp_regressor", "normalized", "ordinal"),
    *("outliers", "power", "ridge_classes", "sgd", "stacking", "svc_scaled", "tanh", "tree"),
    *("forest_holes", "tree_holes", "tree_regressor"),
)
"""Models that differ in how they are written for NumPy; the others are, but for `svc`."""


@pytest.fixture(scope="session")
def models(sklearn_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that ``sklearn_models.py`` fills."""
    folder = tmp_path_factory.mktemp("sklearn")
    script = HERE / "sklearn_models.py"
    subprocess.run([str(sklearn_python), "-W", "ignore", str(script), str(folder)], check=True)
    return folder


def _inputs(models: Path, name: str) -> dict[str, np.ndarray]:
    with np.load(models / f"{name}.npz") as archive:
        return dict(archive)


def _load(models: Path, name: str) -> SourceModel:
    return load_source(str(models / f"{name}.skops"))


@pytest.mark.parametrize(
    "name", [*FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]
)
def test_the_export_answers_as_the_model(models: Path, name: str) -> None:
    source, inputs = _load(models, name), _inputs(models, name)
    assert {spec.name: spec.dtype for spec in source.inputs} == dict.fromkeys(inputs, "float32")
    with closing(source.reference()) as engine:
        expected = engine.run(inputs)
    with closing(open_engine("onnxruntime", serialize_onnx(source.graph))) as engine:
        given = engine.run(inputs)
    assert list(given) == list(expected)
    for output, value in expected.items():
        if output == "label":
            np.testing.assert_array_equal(given[output], value)
        else:
            scale = max(1.0, float(np.abs(value).max()))
            np.testing.assert_allclose(given[output], value, rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize("name", ["logreg_names", pytest.param("mlp", marks=pytest.mark.slow)])
def test_linear_models_and_networks_have_a_tflite_form(models: Path, name: str) -> None:
    source, inputs = _load(models, name), _inputs(models, name)
    with closing(source.reference()) as engine:
        expected = engine.run(inputs)
    with closing(open_engine("litert", write_tflite(optimize(source.graph)))) as engine:
        for row in range(0, 300, 10):
            given = engine.run({"features": inputs["features"][row : row + 1]})
            assert given["label"] == expected["label"][row]
            np.testing.assert_allclose(
                given["probabilities"][0], expected["probabilities"][row], rtol=0, atol=1e-5
            )


@pytest.mark.parametrize(
    "name",
    [
        *(*FAST, "tree"),
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in (*SLOW, *TABLES)
            if name not in ("svc", "tree")
        ),
    ],
)
def test_numpy_answers_as_the_model(models: Path, name: str) -> None:
    source, inputs = _load(models, name), _inputs(models, name)
    with closing(source.reference()) as engine:
        expected = engine.run(inputs)
    given = open_engine("numpy", write_numpy(optimize(source.graph))).run(inputs)
    assert list(given) == list(expected)
    for output, value in expected.items():
        if output == "label":
            np.testing.assert_array_equal(given[output], value)
        else:
            scale = max(1.0, float(np.abs(value).max()))
            np.testing.assert_allclose(given[output], value, rtol=0, atol=1.1e-6 * scale)


def test_trees_have_no_tflite_form(models: Path) -> None:
    with pytest.raises(UnsupportedError, match="TreeEnsembleRegressor") as caught:
        write_tflite(optimize(_load(models, "scaled_forest").graph))
    assert "--to onnx" in caught.value.remedy


def test_classes_are_numbers_with_names(models: Path) -> None:
    source = _load(models, "logreg_names")
    names = "eight five four nine one seven six three two zero"
    assert source.labels == tuple(names.split())
    assert [(spec.name, spec.dtype) for spec in source.outputs] == [
        ("probabilities", "float32"),
        ("label", "int64"),
    ]
    assert "index into the classes: eight, five" in source.notes[-1]


@pytest.mark.slow
def test_columns_of_a_matrix_are_told(models: Path) -> None:
    assert "The columns of 'features' are, in order: age." in _load(models, "plain_frame").notes


@pytest.mark.slow
def test_the_batch_can_be_given_and_nothing_else(models: Path) -> None:
    path = str(models / "plain_frame.skops")
    assert load_source(path, {"features": (4, 1)}).inputs[0].shape == (4, 1)
    with pytest.raises(InputError, match=r"features:1x3.*'features' \(N, 1\)"):
        load_source(path, {"features": (1, 3)})
    with pytest.raises(InputError, match="pixels"):
        load_source(path, {"pixels": (1, 1)})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("function", "does not know to be safe: .*neg"),
        ("wild_tree", "damaged tree"),
        pytest.param("unfitted", "The Ridge of .* is not fitted", marks=pytest.mark.slow),
        pytest.param("no_model", "holds a dict", marks=pytest.mark.slow),
        pytest.param("cut", "cannot be read", marks=pytest.mark.slow),
        pytest.param("text", "cannot be read", marks=pytest.mark.slow),
        pytest.param("empty", "cannot be read", marks=pytest.mark.slow),
    ],
)
def test_refusals(models: Path, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        _load(models, name)
    assert "\n" not in caught.value.problem
    assert caught.value.remedy


@pytest.mark.slow
@pytest.mark.parametrize("name", ["text_column", "documents"])
def test_text_has_no_form_on_a_device(models: Path, name: str) -> None:
    with pytest.raises(UnsupportedError, match="has no form on a device"):
        _load(models, name)


@pytest.mark.slow
def test_a_pickle_is_read_when_it_is_trusted(models: Path) -> None:
    path = str(models / "logreg.joblib")
    with pytest.raises(InputError, match="is a pickle"):
        load_source(path)
    source = load_source(path, settings=SourceSettings(trust_pickle=True))
    assert source.inputs[0].shape == (None, 64)
    with pytest.raises(InputError, match="split categories"):
        load_source(str(models / "categories.joblib"), settings=SourceSettings(trust_pickle=True))
