"""Small ONNX networks, built by hand so that their figures can be counted by hand."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

Shape = Sequence[int | str]
SaveOnnx = Callable[..., Path]


@pytest.fixture
def save_onnx(tmp_path: Path) -> SaveOnnx:
    """Write a network: nodes, inputs and outputs by shape, weights by name."""

    def save(
        nodes: list[onnx.NodeProto],
        inputs: dict[str, Shape],
        outputs: dict[str, Shape],
        weights: dict[str, np.ndarray] | None = None,
        *,
        opset: int = 17,
        ir_version: int = 8,
        name: str = "net.onnx",
    ) -> Path:
        graph = helper.make_graph(
            nodes,
            "net",
            [
                helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, s)
                for n, s in inputs.items()
            ],
            [
                helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, s)
                for n, s in outputs.items()
            ],
            [numpy_helper.from_array(array, key) for key, array in (weights or {}).items()],
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version
        )
        onnx.checker.check_model(model)
        path = tmp_path / name
        path.write_bytes(model.SerializeToString())
        return path

    return save
