"""Keras and TensorFlow models as sources: both artifacts answer as the model does."""

import subprocess
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from edgeml_converters.data import synthetic_data
from edgeml_converters.graph import optimize, serialize_onnx
from edgeml_converters.sources import SourceModel, SourceSettings, load_source
from edgeml_converters.tflite import write_tflite
from edgeml_converters.verify import artifact_runner, verify
from edgeml_runtime.engines import open_engine
from edgeml_runtime.errors import InputError, UnsupportedError

HERE = Path(__file__).parent

pytestmark = pytest.mark.slow  # TensorFlow takes seconds to start, and starts twice a model


@pytest.fixture(scope="session")
def models(keras_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that ``keras_models.py`` fills."""
    folder = tmp_path_factory.mktemp("keras")
    subprocess.run([keras_python, HERE / "keras_models.py", folder], check=True)
    return folder


def _both(source: SourceModel) -> tuple[bytes, bytes]:
    graph = optimize(source.graph)
    return serialize_onnx(graph), write_tflite(graph)


@pytest.mark.parametrize(
    "name",
    [
        "mask.keras",
        "digits.keras",
        "digits.h5",
        "digits_folder",
        "gru.keras",
        "lstm.keras",
        "attention.keras",
        "named.keras",
    ],
)
def test_both_artifacts_answer_as_the_model(models: Path, name: str) -> None:
    source = load_source(str(models / name))
    samples = [sample.inputs for sample in synthetic_data(source.inputs)]
    files = dict(zip(("onnxruntime", "litert"), _both(source), strict=True))
    with closing(source.reference()) as reference:
        assert reference.name == "tensorflow"
        for engine_name, data in files.items():
            with closing(open_engine(engine_name, data)) as engine:
                runner = artifact_runner(engine, source.inputs, source.outputs)
                assert verify(reference.run, runner, samples).rel_range < 1e-5


@pytest.mark.parametrize(
    ("name", "shapes"),
    [("mask", [(1, 24, 24, 3), (1, 24, 24, 1)]), ("digits", [(1, 12, 12, 1), (1, 10)])],
)
def test_photos_stay_channels_last(models: Path, name: str, shapes: list[tuple[int, ...]]) -> None:
    source = load_source(str(models / f"{name}.keras"))
    assert source.inputs[0].layout == "NHWC"
    with closing(open_engine("litert", _both(source)[1])) as engine:
        assert [spec.shape for spec in (*engine.inputs, *engine.outputs)] == shapes


def test_names_are_those_of_the_model(models: Path) -> None:
    source = load_source(str(models / "named.keras"))
    assert sorted(spec.name for spec in source.inputs) == ["first", "second"]
    assert sorted(spec.name for spec in source.outputs) == ["first_output", "total"]
    assert [spec.name for spec in load_source(str(models / "digits.h5")).outputs] == ["digit"]


def test_a_gru_is_one_operator(models: Path) -> None:
    nodes = [node.op_type for node in load_source(str(models / "gru.keras")).graph.graph]
    assert nodes.count("GRU") == 3
    assert "Loop" not in nodes


def test_a_masked_gru_is_a_loop_and_has_no_tflite_form(models: Path) -> None:
    source = load_source(str(models / "masked.keras"))
    with pytest.raises(UnsupportedError, match="Loop"):
        write_tflite(optimize(source.graph))


def test_free_sizes_are_asked_for(models: Path) -> None:
    path = str(models / "free.keras")
    with pytest.raises(InputError, match=r"photo.* free"):
        load_source(path)
    source = load_source(path, {"photo": (1, 16, 20, 3)})
    assert source.inputs[0].shape == (1, 16, 20, 3)
    with pytest.raises(InputError, match=r"photo:1x3x8x8.*does not fit"):
        load_source(path, {"photo": (1, 3, 8, 8)})


@pytest.mark.parametrize("name", ["code.keras", "code.h5"])
def test_code_is_run_when_it_is_trusted(models: Path, name: str) -> None:
    path = str(models / name)
    with pytest.raises(InputError, match="holds Python code"):
        load_source(path)
    source = load_source(path, settings=SourceSettings(trust_pickle=True))
    with closing(source.reference()) as engine:
        ones = np.ones((1, 3), np.float32)
        np.testing.assert_array_equal(next(iter(engine.run({"values": ones}).values())), 2 * ones)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cut.h5", "cannot be read"),
        ("lone.weights.h5", "cannot be read.*No model config"),
        ("reads_files", "reaches outside itself with ReadFile"),
        ("gamma", "no form in ONNX: Lgamma"),
    ],
)
def test_refusals(models: Path, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        load_source(str(models / name))
    assert "\n" not in caught.value.problem
    assert caught.value.remedy
