"""`edgeml compare --layers --html` on int8 files that `edgeml convert` made."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.cli.html_page import Page

if TYPE_CHECKING:
    from tests.cli.conftest import RunCommand

HOSTILE = 'block_3/<script>alert("dw")</script>&\'--'


def _uneven(path: Path, depthwise: str) -> None:
    """Write a network whose depthwise layer has channels 100 times apart, which the next levels."""
    random = np.random.default_rng(5)
    scales = np.array([1.0, 0.01, 0.02, 0.015, 0.5, 0.01, 0.01, 0.02], np.float32)
    constants = {
        "first": random.normal(0, 0.3, (8, 3, 3, 3)),
        "middle": random.normal(0, 0.3, (8, 1, 3, 3)) * scales[:, None, None, None],
        "bias": random.uniform(0.1, 0.3, 8) * scales,
        "last": random.normal(0, 0.5, (8, 8, 1, 1)) / scales[None, :, None, None],
    }
    nodes = [
        helper.make_node("Conv", ["x", "first"], ["a"], name="stem", pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node(
            "Conv", ["b", "middle", "bias"], ["c"], name=depthwise, group=8, pads=[1] * 4
        ),
        helper.make_node("Relu", ["c"], ["d"]),
        helper.make_node("Conv", ["d", "last"], ["y"], name="project"),
    ]
    graph = helper.make_graph(
        nodes,
        "uneven",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 16, 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 8, 16, 16])],
        [numpy_helper.from_array(v.astype(np.float32), name) for name, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)


@pytest.fixture(scope="module")
def uneven(edgeml: "RunCommand", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the network of a hostile name, its int8 files and data."""
    folder = tmp_path_factory.mktemp("uneven")
    _uneven(folder / "uneven.onnx", HOSTILE)
    samples = np.random.default_rng(1).standard_normal((24, 3, 16, 16)).astype(np.float32)
    np.savez(folder / "data.npz", inputs=samples)
    arguments = ("--quantize", "int8", "--calibrate", folder / "data.npz", "-o", folder)
    outcome = edgeml("convert", folder / "uneven.onnx", *arguments)
    assert outcome.code == 0, outcome.err
    return folder


@pytest.mark.parametrize("suffix", ["onnx", "tflite"])
def test_the_uneven_layer_is_named_with_its_span_and_a_remedy(
    edgeml: "RunCommand", uneven: Path, suffix: str
) -> None:
    pair = (uneven / "uneven.onnx", uneven / f"uneven.int8.{suffix}")
    arguments = ("compare", *pair, "--layers", "--data", uneven / "data.npz")
    document = edgeml(*arguments, "--json").document["layers"]
    hint = document["hints"][0]
    assert (hint["kind"], hint["node"]) == ("channels", HOSTILE)
    assert hint["figures"]["span"] > 20
    text = edgeml(*arguments).out
    assert f"1. {hint['finding']}" in text
    assert f"span {hint['figures']['span']:.0f}x" in text
    assert "Equalise: --effort high" in text
    assert HOSTILE in document["exclude"]


def test_the_document_holds_ranges_and_histograms(edgeml: "RunCommand", uneven: Path) -> None:
    pair = (uneven / "uneven.onnx", uneven / "uneven.int8.onnx")
    layers = edgeml("compare", *pair, "--layers", "--json", "--data", uneven / "data.npz").document
    layers = layers["layers"]
    assert 1 <= len(layers["histograms"]) <= 12
    tensors = {tensor["name"]: tensor for tensor in layers["tensors"]}
    for entry in layers["histograms"]:
        tensor = tensors[entry["tensor"]]
        assert sum(entry["shares"]) == pytest.approx(1, abs=1e-6)
        assert entry["low"] <= tensor["range"]["low"] <= tensor["range"]["high"] <= entry["high"]
        assert entry["grid"] == [tensor["grid"]["low"], tensor["grid"]["high"]]
        saturated = tensor["saturation_percent"]
        assert saturated["below"] + saturated["above"] == pytest.approx(100 * tensor["saturation"])
        assert tensor["own_error"] >= 0
        assert tensor["channels"]["span"] >= 1


def test_the_page_stands_alone_and_escapes_names(
    edgeml: "RunCommand", uneven: Path, tmp_path: Path
) -> None:
    pair = (uneven / "uneven.onnx", uneven / "uneven.int8.tflite")
    page, saved = tmp_path / "layers.html", tmp_path / "compare.json"
    arguments = ("--layers", "--data", uneven / "data.npz", "--html", page, "--save", saved)
    assert edgeml("compare", *pair, *arguments).code == 1  # int8 is not within 1e-4
    text = page.read_text(encoding="utf-8")
    document = json.loads(saved.read_text(encoding="utf-8"))["layers"]
    found = Page(text)
    assert "script" not in found.counts
    assert found.counts["svg"] == len(document["histograms"])
    assert text.count("<desc>") == len(document["histograms"])
    assert "&lt;script&gt;alert(" in text
    assert "What does the damage, and what helps" in text
    assert not re.search(r"(?:src|href)=|url\(|@import", text)
    again = tmp_path / "again.html"
    assert edgeml("report", "--comparison", saved, "-o", again).code == 0
    assert again.read_text(encoding="utf-8") == text


def test_a_page_without_layers_has_the_outputs_alone(
    edgeml: "RunCommand", converted: Path, tmp_path: Path
) -> None:
    pair = [converted / f"fashion.float32.{suffix}" for suffix in ("onnx", "tflite")]
    page = tmp_path / "page.html"
    assert edgeml("compare", *pair, "--html", page).code == 0
    text = page.read_text(encoding="utf-8")
    assert "fashion.float32.tflite against fashion.float32.onnx" in text
    assert "<svg" not in text


def test_float_against_float_needs_no_statistics(
    edgeml: "RunCommand", converted: Path, tmp_path: Path
) -> None:
    pair = [converted / f"fashion.float32.{suffix}" for suffix in ("onnx", "tflite")]
    outcome = edgeml("compare", *pair, "--layers", "--json", "--html", tmp_path / "page.html")
    layers = outcome.document["layers"]
    assert layers["hints"] == layers["histograms"] == []
    assert "No layer does enough damage for a hint." in (tmp_path / "page.html").read_text()


def test_a_page_that_cannot_be_written_is_refused_first(
    edgeml: "RunCommand", converted: Path, tmp_path: Path
) -> None:
    pair = [converted / f"fashion.float32.{suffix}" for suffix in ("onnx", "tflite")]
    outcome = edgeml("compare", *pair, "--html", tmp_path / "missing" / "page.html")
    assert outcome.code == 2
    assert "missing" in outcome.problem
