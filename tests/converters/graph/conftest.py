"""Small graphs, and whether the passes keep their results."""

from collections.abc import Callable

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest
from onnx import helper, numpy_helper

from edgeml_converters.graph import optimize, serialize_onnx


class Graph:
    """A graph of one float32 input ``x`` in the making; nodes are named after their outputs."""

    def __init__(self, shape: tuple[int | str, ...], opset: int = 17) -> None:
        self.shape = shape
        self.opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.random = np.random.default_rng(0)

    def constant(self, array: object, dtype: str = "float32") -> str:
        """Add a constant and return its name."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(array, dtype), name))
        return name

    def weights(self, *shape: int) -> str:
        """Add random weights."""
        return self.constant(self.random.standard_normal(shape) * 0.3)

    def op(self, op_type: str, *inputs: str, **attributes: object) -> str:
        """Add a node and return the name of its output."""
        name = f"t{len(self.nodes)}"
        node = helper.make_node(op_type, list(inputs), [name], name=name)
        node.attribute.extend(helper.make_attribute(key, v) for key, v in attributes.items())
        self.nodes.append(node)
        return name

    def batch_norm(self, source: str, channels: int) -> str:
        """Add a BatchNormalization with random statistics."""
        positive = [self.constant(self.random.uniform(0.5, 2.0, channels)) for _ in range(2)]
        signed = [self.constant(self.random.standard_normal(channels)) for _ in range(2)]
        return self.op("BatchNormalization", source, positive[0], *signed, positive[1])

    def finish(self, *outputs: str) -> onnx.ModelProto:
        """Return the model."""
        value = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, self.shape)
        made = [
            helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in outputs
        ]
        graph = helper.make_graph(self.nodes, "small", [value], made, self.constants)
        return helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8
        )


def run(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Return the outputs of *model* on a seeded input, unoptimized by the engine."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = ort.InferenceSession(model.SerializeToString(), options)
    shape = [size if isinstance(size, int) else 2 for size in session.get_inputs()[0].shape]
    x = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    names = [value.name for value in session.get_outputs()]
    return dict(zip(names, session.run(names, {"x": x}), strict=True))


def optimized_types(model: onnx.ModelProto) -> list[str]:
    """Optimize *model*, check that its results stay, and return the types of its nodes."""
    given = model.SerializeToString()
    simplified = onnx.ModelProto.FromString(serialize_onnx(optimize(ir.from_proto(model))))
    assert model.SerializeToString() == given
    onnx.checker.check_model(simplified, full_check=True)
    before, after = run(model), run(simplified)
    assert before.keys() == after.keys()
    for name, expected in before.items():
        np.testing.assert_allclose(after[name], expected, rtol=1e-5, atol=1e-5)
    return [node.op_type for node in simplified.graph.node]


@pytest.fixture
def graph() -> type[Graph]:
    """The class of graphs in the making."""
    return Graph


@pytest.fixture
def optimized() -> Callable[[onnx.ModelProto], list[str]]:
    """Return the call that optimizes, compares and lists the nodes that are left."""
    return optimized_types
