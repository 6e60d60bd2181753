"""`edgeml convert` on TFLite files: delivered as they are, imported, and quantized anew."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

import edgeml_runtime
from edgeml.cli import main
from edgeml_converters.sources import load_source
from edgeml_converters.tflite import write_tflite
from edgeml_runtime.engines import open_engine

EXAMPLE = Path(__file__).parents[2] / "examples" / "fashion"


@pytest.fixture(scope="module")
def fashion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example network as a TFLite file, which takes images channels last."""
    path = tmp_path_factory.mktemp("tflite") / "fashion.tflite"
    path.write_bytes(write_tflite(load_source(str(EXAMPLE / "fashion.onnx")).graph))
    return path


@pytest.fixture(scope="module")
def channels_last(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's preprocessing for a model that takes images channels last."""
    text = (EXAMPLE / "preprocess.toml").read_text()
    path = tmp_path_factory.mktemp("preprocess") / "preprocess.toml"
    path.write_text(text.replace("NCHW", "NHWC"))
    return path


def convert(*arguments: object) -> dict[str, dict[str, object]]:
    """Run the command and return the artifacts of its record, by precision and format."""
    assert main(["convert", *map(str, arguments)]) == 0
    output = Path(str(arguments[arguments.index("-o") + 1]))
    record = json.loads((output / "conversion.json").read_text())
    return {f"{item['precision']}.{item['format']}": item for item in record["artifacts"]}


def test_the_file_is_delivered_unchanged_beside_its_import(fashion: Path, tmp_path: Path) -> None:
    artifacts = convert(fashion, "-o", tmp_path)
    assert list(artifacts) == ["float32.onnx", "float32.tflite"]
    assert (tmp_path / "fashion.float32.tflite").read_bytes() == fashion.read_bytes()
    manifest = edgeml_runtime.load(tmp_path / "fashion.edgeml").manifest
    assert [spec.layout for spec in manifest.inputs] == ["NHWC"]
    assert {variant.inputs[0].layout for variant in manifest.variants} == {"NHWC"}
    onnx_input = open_engine("onnxruntime", tmp_path / "fashion.float32.onnx").inputs[0]
    assert onnx_input.shape == (1, 28, 28, 1)


def test_every_variant_of_the_bundle_gives_the_files_answers(fashion: Path, tmp_path: Path) -> None:
    convert(fashion, "-o", tmp_path)
    source = load_source(str(fashion))
    image = {source.inputs[0].name: np.random.default_rng(0).random((1, 28, 28, 1), np.float32)}
    expected = source.reference().run(image)[source.outputs[0].name]
    for variant in ("float32.onnx", "float32.tflite"):
        model = edgeml_runtime.load(tmp_path / "fashion.edgeml", variant=variant)
        np.testing.assert_allclose(model.run(image)[source.outputs[0].name], expected, atol=1e-4)


def test_a_float_file_is_quantized_anew(fashion: Path, channels_last: Path, tmp_path: Path) -> None:
    data = ("--calibrate", EXAMPLE / "calibration.npz", "--evaluate", EXAMPLE / "test.npz")
    artifacts = convert(
        *(fashion, "-o", tmp_path, "--quantize", "float32,int8", *data),
        *("--preprocess", channels_last, "--max-drop", "1"),
    )
    assert list(artifacts) == ["float32.onnx", "float32.tflite", "int8.onnx", "int8.tflite"]
    small = load_source(str(tmp_path / "fashion.int8.tflite"))
    assert small.native is not None
    assert small.native.precision == "int8"

    again = convert(tmp_path / "fashion.int8.tflite", "-o", tmp_path / "again")
    assert list(again) == ["int8.onnx", "int8.tflite"]
    file_name = "fashion.int8.int8.tflite"
    written = (tmp_path / "again" / file_name).read_bytes()
    assert written == (tmp_path / "fashion.int8.tflite").read_bytes()


def test_quantizing_what_is_quantized_delivers_it_once(
    fashion: Path, channels_last: Path, tmp_path: Path
) -> None:
    calibrate = ("--calibrate", EXAMPLE / "calibration.npz", "--preprocess", channels_last)
    convert(fashion, "-o", tmp_path, "--quantize", "int8", "--to", "tflite", *calibrate)
    small = tmp_path / "fashion.int8.tflite"
    both = ("--quantize", "float32,int8", *calibrate)
    artifacts = convert(small, "-o", tmp_path / "again", "--to", "tflite", *both)
    assert list(artifacts) == ["int8.tflite"]


def test_variables_are_refused_in_the_graph_and_bundled_in_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = os.environ.get("EDGEML_WAKEWORDS")
    if not folder:
        pytest.skip("EDGEML_WAKEWORDS names no folder of streaming models (pymicro-wakeword)")
    for path in sorted(Path(folder).glob("*.tflite")):
        assert main(["convert", str(path), "-o", str(tmp_path)]) == 2
        assert "READ_VARIABLE (" in capsys.readouterr().err
        artifacts = convert(path, "-o", tmp_path, "--to", "tflite")
        assert list(artifacts) == ["int8.tflite"]
        assert edgeml_runtime.load(tmp_path / f"{path.stem}.edgeml").self_test().passed
