"""`edgeml inspect`, `compare` and `report` on the example's artifacts."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import onnx
import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import RunCommand


@pytest.mark.parametrize("name", ["fashion.float32.onnx", "fashion.int8.tflite", "fashion.edgeml"])
def test_inspect(edgeml: "RunCommand", converted: Path, name: str) -> None:
    document = edgeml("inspect", converted / name, "--json").document
    assert document["schema"] == "edgeml.inspect/1"
    text = edgeml("inspect", converted / name).out
    assert name in text
    if not name.endswith(".edgeml"):
        assert document["macs"] == 2_218_432
        assert "2,218,432" in text


def test_inspect_says_which_engine_runs_it_on_a_board(
    edgeml: "RunCommand", converted: Path
) -> None:
    model = converted / "fashion.float32.tflite"
    boards = edgeml("inspect", model, "--json").document["boards"]
    names = {device["name"] for device in edgeml("devices", "list", "--json").document["devices"]}
    assert {entry["board"] for entry in boards} == names
    runs = {(entry["board"], entry["engine"]): entry for entry in boards}
    assert runs["rpi4", "litert"]["runs"] is True
    assert runs["rpi4-armv7", "tflite-runtime"]["runs"] is True
    assert runs["rpi4-armv7", "litert"]["runs"] is False
    assert "no wheel of it for armv7" in runs["rpi4-armv7", "litert"]["because"]

    text = edgeml("inspect", converted / "fashion.float32.onnx", "--target", "rpi4,rpi4-armv7").out
    assert "rpi4: onnxruntime 1." in text
    assert "rpi4-armv7: none; onnxruntime: no wheel of it for armv7" in text
    assert "rpi5" not in text
    unknown = edgeml("inspect", model, "-t", "rpi9")
    assert (unknown.code, "rpi9" in unknown.problem) == (2, True)


def test_inspect_tells_a_model_that_is_too_new_for_a_board(
    edgeml: "RunCommand", tmp_path: Path
) -> None:
    value = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy"]
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Relu", ["x"], ["y"])], "net", value[:1], value[1:]
    )
    opsets = [onnx.helper.make_opsetid("com.example", 1), onnx.helper.make_opsetid("", 13)]
    path = tmp_path / "net.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=14), path)
    (entry,) = edgeml("inspect", path, "--json", "-t", "rpi4").document["boards"]
    newest = entry["version"].startswith("1.32")
    assert entry["runs"] is newest
    assert newest or "IR version 14 needs 1.32" in entry["because"]


def test_compare_within_the_tolerance(edgeml: "RunCommand", converted: Path, example: Path) -> None:
    outcome = edgeml(
        *("compare", example / "fashion.onnx", converted / "fashion.float32.tflite"),
        *("--data", example / "test.npz", "--preprocess", example / "preprocess.toml"),
    )
    assert outcome.code == 0
    assert "same top class  100.00 %" in outcome.out


def test_compare_out_of_tolerance(edgeml: "RunCommand", converted: Path, tmp_path: Path) -> None:
    saved = tmp_path / "compare.json"
    pair = [converted / "fashion.float32.onnx", converted / "fashion.int8.tflite"]
    outcome = edgeml("compare", *pair, "--json", "--save", saved)
    assert outcome.code == 1
    assert outcome.document["passed"] is False
    assert outcome.document["parity"]["rel_range"] > 1e-4
    assert json.loads(saved.read_text()) == outcome.document
    assert outcome.problem
    assert edgeml("compare", *pair, "--tolerance", "0.8").code == 0


def test_a_report_stands_alone(edgeml: "RunCommand", converted: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    outcome = edgeml("report", "--conversion", converted / "conversion.json", "-o", page)
    assert outcome.code == 0
    html = page.read_text()
    assert "fashion.int8.tflite" in html
    assert "<svg" in html
    assert not re.search(r"<(script|link|img|iframe)\b", html)
    assert not re.search(r"(src|href)=[\"']https?:", html)


def test_a_report_of_the_wrong_document_is_refused(
    edgeml: "RunCommand", converted: Path, tmp_path: Path
) -> None:
    record = converted / "conversion.json"
    outcome = edgeml("report", "--profile", record, "-o", tmp_path / "report.html")
    assert outcome.code == 2
    assert "edgeml.convert/1" in outcome.problem
    assert not list(tmp_path.iterdir())
