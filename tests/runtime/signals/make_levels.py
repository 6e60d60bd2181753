"""Makes ``levels.onnx``: a signal (N,2,8), channels first, to the mean of each channel (N,2).

    python tests/runtime/signals/make_levels.py

Run it with the host's environment. The file is committed, as a board's has no onnx.
"""

from pathlib import Path

import onnx
from onnx import TensorProto, helper


def levels_onnx() -> bytes:
    """Return the model."""
    node = helper.make_node("ReduceMean", ["signal"], ["levels"], axes=[2], keepdims=0)
    graph = helper.make_graph(
        [node],
        "levels",
        [helper.make_tensor_value_info("signal", TensorProto.FLOAT, ["N", 2, 8])],
        [helper.make_tensor_value_info("levels", TensorProto.FLOAT, ["N", 2])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


if __name__ == "__main__":
    Path(__file__).with_name("levels.onnx").write_bytes(levels_onnx())
