"""A small float graph around one operator, fed with integers that all engines share.

Each input goes through a convolution of every channel with the weight 1, whose int8 form gives the
integers that it reads in every engine. What follows it is therefore judged by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir
from onnx import TensorProto, helper, numpy_helper

from edgeml_converters.graph import optimize

CHANNELS = 6
SHAPE = (1, CHANNELS, 8, 10)
OPSET = 20


@dataclass
class Sketch:
    """A graph in the making; methods return the name of what they add."""

    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def input(self) -> str:
        """Add an input of the graph and return its values as an int8 operator gave them."""
        name = f"input{len(self.inputs)}"
        self.inputs.append(name)
        ones = self.constant(np.ones((CHANNELS, 1, 1, 1)))
        return self.op("Conv", name, ones, group=CHANNELS)

    def constant(self, numbers: npt.ArrayLike, dtype: str = "float32") -> str:
        """Add a constant."""
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(numbers, dtype), name))
        return name

    def normal(self, *shape: int, scale: float = 1.0) -> str:
        """Add a constant of normally distributed numbers."""
        return self.constant(self.random.normal(0, scale, shape))

    def op(self, op_type: str, *inputs: str, **attributes: Any) -> str:  # noqa: ANN401 - as of ONNX
        """Add a node with one output."""
        return self.ops(op_type, inputs, 1, attributes)[0]

    def ops(
        self, op_type: str, inputs: tuple[str, ...], count: int, attributes: Mapping[str, Any]
    ) -> list[str]:
        """Add a node with several outputs."""
        name = f"{op_type.lower()}{len(self.nodes)}"
        names = [name if count == 1 else f"{name}_{index}" for index in range(count)]
        self.nodes.append(helper.make_node(op_type, inputs, names, name=name, **attributes))
        return names

    def model(self, *outputs: str) -> ir.Model:
        """Return the optimized graph."""
        given = [helper.make_tensor_value_info(n, TensorProto.FLOAT, SHAPE) for n in self.inputs]
        results = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in outputs]
        graph = helper.make_graph(self.nodes, "one operator", given, results, self.constants)
        opsets = [helper.make_opsetid("", OPSET)]
        proto = helper.make_model(graph, opset_imports=opsets, ir_version=9)
        return optimize(ir.from_proto(onnx.shape_inference.infer_shapes(proto)))
