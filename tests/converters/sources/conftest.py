"""Small ONNX files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

MakeProto = Callable[..., onnx.ModelProto]


def _conv_net(
    shape: tuple[int | str | None, ...] = ("batch", 3, 8, 8), opset: int = 17, ir_version: int = 8
) -> onnx.ModelProto:
    """Return a network of one convolution, ``x`` -> ``y``."""
    weights = np.random.default_rng(0).normal(0, 0.2, (4, 3, 3, 3)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (shape[0], 4, *shape[2:]))],
        [numpy_helper.from_array(weights, "w")],
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=ir_version)


@pytest.fixture(scope="session")
def conv_net() -> MakeProto:
    return _conv_net


@pytest.fixture
def save(tmp_path: Path) -> Callable[[onnx.ModelProto | bytes], str]:
    """Return a function that writes a model file and returns its path."""

    def _save(model: onnx.ModelProto | bytes) -> str:
        path = tmp_path / "net.onnx"
        path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
        return str(path)

    return _save
