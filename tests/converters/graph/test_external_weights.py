"""Models whose weights lie in a file of their own."""

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from edgeml_converters.graph import optimize, split_weights, weights_bytes
from edgeml_runtime.engines import open_engine
from edgeml_runtime.errors import InputError
from tests.converters.graph.conftest import Graph, run


def _model() -> tuple[Graph, ir.Model]:
    graph = Graph((1, 3, 16, 16))
    hidden = graph.op("Conv", "x", graph.weights(32, 3, 3, 3))
    hidden = graph.op("Conv", graph.op("Relu", hidden), graph.weights(8, 32, 3, 3))
    return graph, ir.from_proto(graph.finish(hidden))


def test_an_engine_runs_both_files_as_one_model(tmp_path: Path) -> None:
    graph, model = _model()
    data, weights = split_weights(optimize(model), "net.data")
    assert len(b"".join(data)) < 2000
    assert len(b"".join(weights)) >= weights_bytes(model)
    (tmp_path / "net.onnx").write_bytes(b"".join(data))
    (tmp_path / "net.data").write_bytes(b"".join(weights))
    engine = open_engine("onnxruntime", tmp_path / "net.onnx")
    (name, expected), *_ = run(graph.finish(model.graph.outputs[0].name or "")).items()
    x = np.random.default_rng(1).standard_normal((1, 3, 16, 16)).astype(np.float32)
    np.testing.assert_allclose(engine.run({"x": x})[name], expected, atol=1e-5)
    engine.close()


def test_the_same_graph_gives_the_same_files() -> None:
    _, model = _model()
    assert split_weights(model, "a.data") == split_weights(model.clone(), "a.data")
    assert all(v.const_value is not None for v in model.graph.initializers.values())


def test_a_second_file_that_is_missing_is_told(tmp_path: Path) -> None:
    data, _ = split_weights(_model()[1], "net.data")
    (tmp_path / "net.onnx").write_bytes(b"".join(data))
    with pytest.raises(InputError, match="cannot load"):
        open_engine("onnxruntime", tmp_path / "net.onnx")
