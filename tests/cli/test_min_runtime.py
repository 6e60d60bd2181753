"""Files for engines that are older than the model."""

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeml import Conversion, convert
from edgeml_runtime.bundle import open_bundle
from edgeml_runtime.errors import UnsupportedError

if TYPE_CHECKING:
    from tests.cli.conftest import RunCommand

OLD_ENGINES = os.environ.get("EDGEML_OLD_ENGINES")
OLD_LITERT = """
import sys
from tflite_runtime.interpreter import Interpreter
Interpreter(model_path=sys.argv[1]).allocate_tensors()
"""


def _save(path: Path, *nodes: onnx.NodeProto, opset: int = onnx.defs.onnx_opset_version()) -> Path:
    weights = np.random.default_rng(0).normal(0, 0.2, (4, 3, 3, 3)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1], name="conv"), *nodes],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(weights, "w")],
    )
    versions = [helper.make_opsetid("", opset)]
    onnx.save(helper.make_model(graph, opset_imports=versions, ir_version=13), path)
    return path


def test_the_source_keeps_its_opset_unless_asked(edgeml: "RunCommand", tmp_path: Path) -> None:
    source = _save(tmp_path / "net.onnx", helper.make_node("Gelu", ["c"], ["y"], name="gelu"))
    line = ("convert", source, "-o", tmp_path / "out", "--to", "onnx")
    for options, opset, ir_version, ops in (
        ((), onnx.defs.onnx_opset_version(), 13, {"Conv", "Gelu"}),
        (("--min-runtime", "onnxruntime==1.16.3"), 19, 9, {"Conv", "Erf"}),
        (("--min-runtime", "onnxruntime==1.12"), 17, 8, {"Conv", "Erf"}),
    ):
        outcome = edgeml(*line, *options)
        assert outcome.code == 0, outcome.err
        model = onnx.load(tmp_path / "out" / "net.float32.onnx")
        assert (model.opset_import[0].version, model.ir_version) == (opset, ir_version)
        assert ops <= {node.op_type for node in model.graph.node}
    manifest = open_bundle(tmp_path / "out" / "net.edgeml").manifest
    assert manifest.variants[0].engines == {"onnxruntime": "1.12"}


def test_what_the_old_engine_lacks_is_refused_by_name(edgeml: "RunCommand", tmp_path: Path) -> None:
    source = _save(
        tmp_path / "net.onnx",
        helper.make_node("Cast", ["c"], ["d"], to=TensorProto.INT32),
        helper.make_node("BitwiseNot", ["d"], ["e"], name="inverse"),
        helper.make_node("Cast", ["e"], ["y"], to=TensorProto.FLOAT),
    )
    outcome = edgeml(
        *("convert", source, "-o", tmp_path / "out", "--to", "onnx"),
        *("--min-runtime", "onnxruntime==1.12"),
    )
    assert outcome.code == 2
    assert "onnxruntime 1.12 reads opset 17, where inverse (BitwiseNot): there was no such" in (
        outcome.problem
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("onnxruntime", "no ENGINE==VERSION"),
        ("onnxruntime>=1.16", "no ENGINE==VERSION"),
        ("tensorrt==8", "no ENGINE==VERSION"),
        ("onnxruntime==1.16,onnxruntime==1.17", "names onnxruntime twice"),
        ("onnxruntime==0.5", "before onnxruntime 1.0"),
        ("tflite-runtime==2.14", "is about .tflite files, and --to writes onnx"),
    ],
)
def test_what_is_no_engine_and_version_is_told(
    edgeml: "RunCommand", example: Path, tmp_path: Path, text: str, words: str
) -> None:
    outcome = edgeml(
        *("convert", example / "fashion.onnx", "-o", tmp_path / "out", "--to", "onnx"),
        *("--min-runtime", text),
    )
    assert outcome.code == 2
    assert words in outcome.problem


def test_tflite_operators_are_held_to_the_release(example: Path, tmp_path: Path) -> None:
    source = example / "fashion.onnx"
    calibration = str(example / "calibration.npz")

    def converted(version: str) -> Conversion:
        return convert(
            source,
            tmp_path,
            formats=["tflite"],
            precisions=["float32", "int8"],
            calibrate=calibration,
            preprocess=example / "preprocess.toml",
            min_runtimes=[f"tflite-runtime=={version}"],
        )

    done = converted("2.14")
    assert done.passed
    engines = {v.id: v.engines for v in open_bundle(tmp_path / "fashion.edgeml").manifest.variants}
    assert engines["int8.tflite"] == {
        "litert": "",
        "litert-builtin": "",
        "tflite-runtime": "1.14.0",
    }
    with pytest.raises(UnsupportedError, match=r"CONV_2D version 3 needs 1\.14\.0"):
        converted("1.13")
    if OLD_ENGINES:
        for precision in ("float32", "int8"):
            file = tmp_path / f"fashion.{precision}.tflite"
            subprocess.run([OLD_ENGINES, "-c", OLD_LITERT, file], check=True)
