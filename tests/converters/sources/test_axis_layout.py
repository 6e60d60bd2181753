"""Which inputs and outputs are images, and in which order of axes."""

from collections.abc import Callable, Sequence

import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from edgeml_converters.sources import load_source

Save = Callable[[onnx.ModelProto | bytes], str]
TO_NCHW = {"perm": [0, 3, 1, 2]}
TO_NHWC = {"perm": [0, 2, 3, 1]}


def _node(op_type: str, source: str, target: str, **attributes: object) -> NodeProto:
    inputs = [source, "w"] if op_type == "Conv" else [source]
    return helper.make_node(op_type, inputs, [target], **attributes)  # type: ignore[arg-type]  # as of ONNX


@pytest.mark.parametrize(
    ("nodes", "layouts"),
    [
        ([_node("Conv", "x", "y")], ("NCHW", "NCHW")),
        ([_node("Relu", "x", "a"), _node("Conv", "a", "y")], ("NCHW", "NCHW")),
        ([_node("Conv", "x", "a"), _node("Sigmoid", "a", "y")], ("NCHW", "NCHW")),
        (
            [_node("Transpose", "x", "a", **TO_NCHW), _node("Conv", "a", "y")],
            ("NHWC", "NCHW"),
        ),
        (
            [_node("Conv", "x", "a"), _node("Transpose", "a", "y", **TO_NHWC)],
            ("NCHW", "NHWC"),
        ),
        ([_node("Erf", "x", "y")], ("", "")),
        ([_node("Relu", "x", "y")], ("", "")),
    ],
    ids=["conv", "relu first", "sigmoid last", "nhwc in", "nhwc out", "erf", "relu only"],
)
def test_layout_follows_from_the_operators(
    save: Save, nodes: Sequence[NodeProto], layouts: tuple[str, str]
) -> None:
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 3, 3))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 3, 3, 3))],
        [numpy_helper.from_array(np.ones((3, 3, 1, 1), np.float32), "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    source = load_source(save(model))
    assert (source.inputs[0].layout, source.outputs[0].layout) == layouts
