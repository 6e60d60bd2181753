"""`edgeml compare --layers` on the example's artifacts."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

if TYPE_CHECKING:
    from tests.cli.conftest import RunCommand


def _on_test_data(example: Path) -> tuple[object, ...]:
    return ("--data", example / "test.npz", "--preprocess", example / "preprocess.toml")


@pytest.mark.parametrize(
    ("candidate", "tensors"), [("fashion.int8.tflite", 14), ("fashion.int8.onnx", 15)]
)
def test_float_against_int8(
    edgeml: "RunCommand", converted: Path, example: Path, candidate: str, tensors: int
) -> None:
    pair = (example / "fashion.onnx", converted / candidate)
    outcome = edgeml("compare", *pair, "--layers", "--json", *_on_test_data(example))
    assert outcome.code == 1  # as without --layers: int8 is not within 1e-4
    layers = outcome.document["layers"]
    assert layers["tolerance"] == 0.1
    assert layers["samples"] == 1000
    assert layers["matched"]["tensors"] == len(layers["tensors"]) == tensors
    assert layers["matched"]["unmatched"] == layers["matched"]["extra"] == []
    assert layers["first_divergence"] is None
    assert 1 <= len(layers["exclude"]) <= 3
    for entry in layers["tensors"]:
        assert entry["quantized"]
        assert entry["sqnr_db"] > 20
        assert 0 <= entry["saturation"] < 0.01


def test_the_document_without_layers_has_none(edgeml: "RunCommand", converted: Path) -> None:
    pair = [converted / f"fashion.float32.{suffix}" for suffix in ("onnx", "tflite")]
    assert "layers" not in edgeml("compare", *pair, "--json").document


def test_text_lists_the_worst_or_all(edgeml: "RunCommand", converted: Path, example: Path) -> None:
    pair = (example / "fashion.onnx", converted / "fashion.float32.onnx")
    some = edgeml("compare", *pair, "--layers")
    assert some.code == 0
    assert "26 of 26 tensors of A matched" in some.out
    assert "6 more layers with --all." in some.out
    assert "No tensor differs by more than 0.0001 of its range." in some.out
    ordered = edgeml("compare", *pair, "--layers", "--all", "--order", "graph").out
    assert "--all" not in ordered
    rows = [line.split()[0] for line in ordered.splitlines() if "exact" in line]
    names = [node.output[0] for node in onnx.load(pair[0]).graph.node]
    assert rows == ["image", *(name for name in names if name in rows)]
    assert rows[-1] == "logits"


def test_the_layer_that_was_changed_is_named(
    edgeml: "RunCommand", converted: Path, example: Path, tmp_path: Path
) -> None:
    model = onnx.load(example / "fashion.onnx")
    node = next(node for node in model.graph.node if node.name == "/features/features.9/Conv")
    weights = next(w for w in model.graph.initializer if w.name == node.input[1])
    array = np.array(numpy_helper.to_array(weights))
    array[3] *= 1.1
    weights.CopyFrom(numpy_helper.from_array(array, weights.name))
    broken = tmp_path / "broken.onnx"
    onnx.save(model, broken)
    saved = tmp_path / "compare.json"
    for reference in (example / "fashion.onnx", converted / "fashion.float32.tflite"):
        outcome = edgeml("compare", reference, broken, "--layers", "--save", saved)
        assert outcome.code == 1
        first = json.loads(saved.read_text())["layers"]["first_divergence"]
        assert first in {node.output[0], "/features/features.11/Clip_output_0"}
        assert f"is {first} (" in outcome.out


@pytest.mark.parametrize("option", [("--all",), ("--order", "graph")])
def test_options_of_layers_want_layers(
    edgeml: "RunCommand", converted: Path, option: tuple[str, ...]
) -> None:
    pair = [converted / f"fashion.float32.{suffix}" for suffix in ("onnx", "tflite")]
    outcome = edgeml("compare", *pair, *option)
    assert outcome.code == 2
    assert option[0] in outcome.problem


def test_data_beyond_the_calibrated_range_is_said(
    edgeml: "RunCommand", converted: Path, example: Path, tmp_path: Path
) -> None:
    far = tmp_path / "far.npz"
    np.savez(far, inputs=np.full((2, 1, 28, 28), 9, np.float32))
    pair = (example / "fashion.onnx", converted / "fashion.int8.tflite")
    outcome = edgeml("compare", *pair, "--layers", "--data", far)
    assert "is image (Input): by" in outcome.out
    assert "100 % of the values of image lie beyond its integer range" in outcome.out
