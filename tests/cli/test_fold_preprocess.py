"""`edgeml convert --fold-preprocess`: a bundle that is fed bytes."""

import json
from pathlib import Path

import numpy as np
import pytest

import edgeml
import edgeml_runtime
from edgeml.cli import main
from edgeml_runtime.errors import InputError

FASHION = Path(__file__).parents[2] / "examples" / "fashion"


def test_the_bundle_answers_as_without_folding(tmp_path: Path) -> None:
    options = ["--preprocess", str(FASHION / "preprocess.toml"), "--quantize", "float32,int8"]
    options += ["--calibrate", str(FASHION / "calibration.npz")]
    options += ["--labels", str(FASHION / "labels.txt")]
    for name, more in (("plain", []), ("folded", ["--fold-preprocess"])):
        arguments = ["convert", str(FASHION / "fashion.onnx"), *options, *more]
        assert main([*arguments, "-o", str(tmp_path / name), "--json"]) == 0
    record = json.loads((tmp_path / "folded" / "conversion.json").read_text())
    assert [s["op"] for s in record["source"]["folded_preprocess"]] == ["normalize", "layout"]
    with np.load(FASHION / "test.npz") as archive:
        images = archive["inputs"][:20]
    for variant in ("float32.onnx", "float32.tflite", "int8.onnx", "int8.tflite"):
        plain, folded = (
            edgeml_runtime.load(tmp_path / name / "fashion.edgeml", variant=variant)
            for name in ("plain", "folded")
        )
        assert [(spec.dtype, spec.layout) for spec in folded.manifest.inputs] == [("uint8", "NHWC")]
        assert folded.self_test().passed
        same = [_class(plain, image) == _class(folded, image) for image in images]
        assert sum(same) >= (20 if variant.startswith("float32") else 19)


def _class(model: edgeml_runtime.Model, image: np.ndarray) -> int:
    answer = model(image)
    assert isinstance(answer, edgeml_runtime.Classification)
    return answer.index


def test_it_needs_preprocessing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--fold-preprocess folds the steps of --preprocess"):
        edgeml.convert(FASHION / "fashion.onnx", tmp_path, fold_preprocess=True)
