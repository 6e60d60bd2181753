"""Models of tables through `edgeml convert`: the files, the bundle, and what is refused."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import edgeml
import edgeml_runtime
from edgeml_runtime.errors import InputError, UnsupportedError


@pytest.fixture
def stump(tmp_path: Path) -> Path:
    """A model of one tree: 1 where the second column is above 0.5, else -2."""
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["rows"],
        ["sums"],
        domain="ai.onnx.ml",
        n_targets=1,
        nodes_treeids=[0, 0, 0],
        nodes_nodeids=[0, 1, 2],
        nodes_featureids=[1, 0, 0],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"],
        nodes_values=[0.5, 0.0, 0.0],
        nodes_truenodeids=[1, 0, 0],
        nodes_falsenodeids=[2, 0, 0],
        target_treeids=[0, 0],
        target_nodeids=[1, 2],
        target_ids=[0, 0],
        target_weights=[-2.0, 1.0],
    )
    graph = helper.make_graph(
        [node],
        "stump",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["N", 2])],
        [helper.make_tensor_value_info("sums", TensorProto.FLOAT, ["N", 1])],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    path = tmp_path / "stump.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def test_trees_are_written_for_numpy_unasked(stump: Path, tmp_path: Path) -> None:
    conversion = edgeml.convert(stump, tmp_path / "out")
    assert [artifact.id for artifact in conversion.artifacts] == ["float32.onnx", "float32.numpy"]
    assert conversion.passed
    assert any("no TFLite form" in note for note in conversion.notes)
    bundle = tmp_path / "out" / "stump.edgeml"
    model = edgeml_runtime.load(bundle, engine="numpy")
    rows = np.array([[0.0, 0.5], [0.0, 0.6]], np.float32)
    assert model.run({"rows": rows})["sums"].tolist() == [[-2.0], [1.0]]
    entries = {entry.engine: entry for entry in edgeml.inspect(bundle).boards}
    assert entries["numpy"].runs is True


def test_what_is_asked_for_is_written_alone(stump: Path, tmp_path: Path) -> None:
    conversion = edgeml.convert(stump, tmp_path / "out", formats=["numpy"])
    assert [artifact.id for artifact in conversion.artifacts] == ["float32.numpy"]
    with pytest.raises(UnsupportedError, match="TreeEnsembleRegressor"):
        edgeml.convert(stump, tmp_path / "out", formats=["onnx", "tflite"])
    with pytest.raises(InputError, match=r"--to numpy has the precisions float32.*float16"):
        edgeml.convert(stump, tmp_path / "out", formats=["numpy"], precisions=["float16"])
