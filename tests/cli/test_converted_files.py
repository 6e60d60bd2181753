"""The example converted: what is on the disk is what is told."""

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from ai_edge_litert.interpreter import Interpreter
from onnx import numpy_helper

import edgeml_runtime
from edgeml import convert
from edgeml_runtime.bundle import open_bundle
from edgeml_runtime.errors import UnsupportedError

if TYPE_CHECKING:
    from tests.cli.conftest import RunCommand

VARIANTS = ("float32.onnx", "float32.tflite", "int8.onnx", "int8.tflite")
Command = Callable[[Path], list[str]]
Scales = tuple[tuple[float, ...], tuple[int, ...]]


def test_the_record_is_true(converted: Path, example: Path) -> None:
    record = _record(converted)
    assert record["schema"] == "edgeml.convert/1"
    assert [item["path"] for item in record["artifacts"]] == [f"fashion.{v}" for v in VARIANTS]
    for item in record["artifacts"]:
        content = (converted / item["path"]).read_bytes()
        assert item["bytes"] == len(content)
        assert item["sha256"] == hashlib.sha256(content).hexdigest()
    assert record["bundle"] == "fashion.edgeml"
    source = (example / "fashion.onnx").read_bytes()
    assert record["source"]["sha256"] == hashlib.sha256(source).hexdigest()


def test_float_is_the_source_and_int8_is_within_a_point(converted: Path) -> None:
    for item in _record(converted)["artifacts"]:
        accuracy, parity = item["accuracy"], item["parity"]
        assert (accuracy["metric"], accuracy["n"]) == ("top1", 1000)
        assert accuracy["drop"] == pytest.approx(accuracy["reference"] - accuracy["value"])
        if item["precision"] == "float32":
            assert accuracy["drop"] == 0.0
            assert parity["agreement"] == 100.0
            assert parity["rel_range"] < 1e-5
        else:
            assert -1.0 <= accuracy["drop"] <= 1.0
            assert parity["agreement"] >= 98.0


def test_a_model_too_large_for_one_file_gets_two(
    example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeml.pipeline.formats.LARGEST_FILE_BYTES", 1000)
    conversion = convert(example / "fashion.onnx", tmp_path, formats=["onnx"])
    (artifact,) = conversion.artifacts
    names = {"fashion.float32.onnx", "fashion.float32.onnx.data", "conversion.json"}
    assert {path.name for path in tmp_path.iterdir()} == names
    assert conversion.bundle is None
    (item,) = _record(tmp_path)["artifacts"]
    content = b"".join((tmp_path / item[key]).read_bytes() for key in ("path", "weights"))
    assert (item["bytes"], item["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert artifact.parity.rel_range < 1e-6
    again = convert(artifact.path, tmp_path / "again", formats=["onnx"])  # it is a source too
    assert again.passed
    with pytest.raises(UnsupportedError, match=r"a \.tflite file holds 2 GiB"):
        convert(example / "fashion.onnx", tmp_path, formats=["tflite"])
    monkeypatch.undo()
    convert(example / "fashion.onnx", tmp_path, formats=["onnx"])
    assert not (tmp_path / "fashion.float32.onnx.data").exists()


def test_int8_is_much_smaller(converted: Path) -> None:
    size = {name: (converted / f"fashion.{name}").stat().st_size for name in VARIANTS}
    assert size["int8.tflite"] < 0.5 * size["float32.tflite"]
    assert size["int8.onnx"] < 0.5 * size["float32.onnx"]


def test_both_int8_files_have_the_same_scales(converted: Path) -> None:
    found = _onnx_scales(converted / "fashion.int8.onnx")
    assert len(found) > 10
    assert found == _tflite_scales(converted / "fashion.int8.tflite")


def test_the_bundle_holds_the_artifacts(converted: Path, example: Path) -> None:
    bundle = open_bundle(converted / "fashion.edgeml")
    assert tuple(sorted(v.id for v in bundle.manifest.variants)) == VARIANTS
    for variant in bundle.manifest.variants:
        assert bundle.read(variant.path) == (converted / f"fashion.{variant.id}").read_bytes()
    assert bundle.manifest.labels == tuple((example / "labels.txt").read_text().splitlines())


def test_a_second_conversion_gives_the_same_bytes_and_a_table(
    edgeml: "RunCommand", conversion_command: Command, converted: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "deep" / "down"
    outcome = edgeml(*conversion_command(folder))
    assert outcome.code == 0
    assert _contents(folder) == _contents(converted)
    rows = [line.split() for line in outcome.out.splitlines()[2:6]]
    for row, item in zip(rows, _record(converted)["artifacts"], strict=True):
        assert row[:3] == [item["path"], item["format"], item["precision"]]
        assert row[3] == f"{item['bytes']:,}"
        assert row[4] == f"{item['accuracy']['value']:.2f}"
        assert row[-1] == "ok"
    assert outcome.out.endswith(f"bundle {folder / 'fashion.edgeml'}\n")


def test_what_fails_its_gate_is_set_aside(
    edgeml: "RunCommand", conversion_command: Command, tmp_path: Path
) -> None:
    outcome = edgeml(*conversion_command(tmp_path), "--max-drop", "0", "--json")
    assert outcome.code == 1
    rejected = {"fashion.int8.onnx.rejected", "fashion.int8.tflite.rejected"}
    kept = {"fashion.float32.onnx", "fashion.float32.tflite", "fashion.edgeml", "conversion.json"}
    assert set(_contents(tmp_path)) == rejected | kept
    document = outcome.document
    assert not document["passed"]
    assert {Path(a["path"]).name for a in document["artifacts"] if a["rejected"]} == rejected
    assert {v.precision for v in open_bundle(document["bundle"]).manifest.variants} == {"float32"}
    for failure, format_name in zip(document["failures"], ("onnx", "tflite"), strict=True):
        assert f"error: {failure['problem']}\n  {failure['remedy']}\n" in outcome.err
        assert f"fashion.int8.{format_name} loses" in failure["problem"]

    again = edgeml(*conversion_command(tmp_path), "--json")  # the gate gone, the names change back
    assert again.code == 0
    assert set(_contents(tmp_path)) == {*kept, "fashion.int8.onnx", "fashion.int8.tflite"}
    expected = {**_record(tmp_path), "timings_s": again.document["timings_s"]}
    assert _without_folder(again.document, tmp_path) == expected


def test_what_its_engine_cannot_load_is_set_aside(edgeml: "RunCommand", tmp_path: Path) -> None:
    # The definition of AffineGrid in older operators has a Range that onnxruntime refuses.
    float_ = onnx.TensorProto.FLOAT
    size = numpy_helper.from_array(np.array([1, 3, 4, 5], np.int64), "size")
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("AffineGrid", ["theta", "size"], ["y"], name="grid")],
        "net",
        [onnx.helper.make_tensor_value_info("theta", float_, [1, 2, 3])],
        [onnx.helper.make_tensor_value_info("y", float_, [1, 4, 5, 2])],
        [size],
    )
    opsets = [onnx.helper.make_opsetid("", 20)]
    path = tmp_path / "grid.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
    line = ("convert", path, "-o", tmp_path / "out", "--to", "onnx", "--json")
    outcome = edgeml(*line, "--min-runtime", "onnxruntime==1.16")
    assert outcome.code == 1
    assert outcome.problem.startswith("grid.float32.onnx is not its source: onnxruntime")
    assert set(_contents(tmp_path / "out")) == {"grid.float32.onnx.rejected", "conversion.json"}
    document = outcome.document
    assert document["bundle"] is None
    assert document["artifacts"][0]["parity"]["max_abs"] is None
    assert "cannot load" in document["artifacts"][0]["parity"]["failure"]


def test_a_source_without_numbers_is_told_apart(edgeml: "RunCommand", tmp_path: Path) -> None:
    float_ = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Log", ["x"], ["y"])],
        "net",
        [onnx.helper.make_tensor_value_info("x", float_, [1, 8])],
        [onnx.helper.make_tensor_value_info("y", float_, [1, 8])],
    )
    opsets = [onnx.helper.make_opsetid("", 17)]
    path = tmp_path / "log.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    outcome = edgeml("convert", path, "-o", tmp_path / "out", "--to", "onnx")
    assert outcome.code == 1
    assert "of the reference has values that are not finite" in outcome.problem
    assert "The source itself gives no numbers" in outcome.err


def test_other_files_in_the_folder_stay(
    edgeml: "RunCommand", example: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    arguments = ("--to", "tflite", "--name", "mine", "-o", tmp_path)
    assert edgeml("convert", example / "fashion.onnx", *arguments).code == 0
    names = {"notes.txt", "mine.float32.tflite", "mine.edgeml", "conversion.json"}
    assert set(_contents(tmp_path)) == names


def test_a_metric_from_the_current_folder(
    edgeml: "RunCommand", example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "own_metric.py").write_text("def half(outputs, label):\n    return 0.5\n")
    outcome = edgeml(
        *("convert", example / "fashion.onnx", "--to", "onnx", "-o", "out", "--json"),
        *("--evaluate", example / "test.npz", "--preprocess", example / "preprocess.toml"),
        *("--metric", "own_metric:half,top1"),
    )
    assert outcome.code == 0
    (item,) = outcome.document["artifacts"]
    assert [score["metric"] for score in item["scores"]] == ["own_metric:half", "top1"]
    assert item["accuracy"]["value"] == 50.0


def _record(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / "conversion.json").read_text())
    return record


def _contents(folder: Path) -> dict[str, bytes]:
    """Return every file below *folder*, hidden ones too."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def _without_folder(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    document["bundle"] = str(Path(document["bundle"]).relative_to(folder))
    for item in document["artifacts"]:
        item["path"] = str(Path(item["path"]).relative_to(folder))
    return document


def _onnx_scales(path: Path) -> set[Scales]:
    graph = onnx.load(path).graph
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    return {
        _scales(values[node.input[1]], values[node.input[2]])
        for node in graph.node
        if node.op_type in {"QuantizeLinear", "DequantizeLinear"}
    }


def _tflite_scales(path: Path) -> set[Scales]:
    interpreter = Interpreter(model_content=path.read_bytes())
    stored = [t["quantization_parameters"] for t in interpreter.get_tensor_details()]
    return {_scales(p["scales"], p["zero_points"]) for p in stored if len(p["scales"])}


def _scales(scales: np.ndarray, zero_points: np.ndarray) -> Scales:
    return (
        tuple(float(scale) for scale in np.atleast_1d(scales)),
        tuple(int(point) for point in np.atleast_1d(zero_points)),
    )


def test_every_other_precision_is_verified_bundled_and_run(example: Path, tmp_path: Path) -> None:
    conversion = convert(
        example / "fashion.onnx",
        tmp_path,
        precisions=["float16", "dynamic", "int8x16"],
        calibrate=str(example / "calibration.npz"),
        evaluate=str(example / "test.npz"),
        preprocess=example / "preprocess.toml",
    )
    assert conversion.passed
    assert [artifact.id for artifact in conversion.artifacts] == [
        f"{precision}.{suffix}"
        for precision in ("float16", "dynamic", "int8x16")
        for suffix in ("onnx", "tflite")
    ]
    for artifact in conversion.artifacts:
        assert artifact.accuracy is not None
        assert abs(artifact.accuracy.drop) <= 0.3
        assert artifact.parity.rel_range <= (0.01 if artifact.precision != "int8x16" else 0.08)
        assert artifact.size_bytes < 90_000
        assert conversion.bundle is not None
        model = edgeml_runtime.load(conversion.bundle, variant=artifact.id)
        assert model.self_test().passed
    schemes = [(entry.scheme, entry.samples) for entry in conversion.quantizations]
    assert schemes == [("float16", 0), ("dynamic", 0), ("int8x16", 200)]
    assert conversion.quantization == conversion.quantizations[2]
