"""The watched graph: nodes that reduce activations to a few numbers, as its only outputs.

The engine reduces a tensor and frees it. What leaves it is small, and so is what is kept.
"""

import math

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.constants import add_constant

_FIRST_OPSET_OF_AXES_INPUTS = 18


class WatchedGraph:
    """A copy of a graph whose outputs become what observers ask for.

    Args:
        model: Changed in place: it loses its own outputs.
    """

    def __init__(self, model: ir.Model) -> None:
        self.graph = model.graph
        self._axes_are_inputs = model.opset_imports.get("", 1) >= _FIRST_OPSET_OF_AXES_INPUTS
        self.graph.outputs.clear()

    def reduced(
        self, op_type: str, value: ir.Value, kept: int | None = None, *, of_rows: bool = False
    ) -> str:
        """Add the reduction of *value* by *op_type* as an output; return its name.

        Args:
            op_type: ``ReduceMin``, ``ReduceMax``, ``ReduceSum`` or ``ReduceMean``.
            value: A float32 tensor, with a known rank where an axis is given.
            kept: The axis to keep; None to reduce all to one number.
            of_rows: Reduce only the axis *kept*, then the smallest of all others.
        """
        if kept is None:
            return self.output(self.node(op_type, value, keepdims=0))
        assert value.shape is not None
        others = [axis for axis in range(len(value.shape)) if axis != kept]
        if of_rows:
            rows = self._over(op_type, value, [kept])
            return self.output(self.node("ReduceMin", rows, keepdims=0))
        return self.output(self._over(op_type, value, others) if others else value)

    def sampled(self, value: ir.Value, most: int) -> str:
        """Add about *most* values of *value* at most, evenly spread, as an output."""
        flat = self.node("Reshape", value, self.constant([-1]))
        sizes = () if value.shape is None else value.shape.dims
        # A size that is not known counts as 1: that of a batch is.
        step = -(-math.prod(size for size in sizes if isinstance(size, int)) // most) | 1
        if step > 1:  # odd, so that it meets all channels and columns in turn
            ends = (self.constant([0]), self.constant([np.iinfo(np.int64).max]))
            flat = self.node("Slice", flat, *ends, self.constant([0]), self.constant([step]))
        return self.output(flat)

    def node(self, op_type: str, *inputs: ir.Value, **attributes: int | list[int]) -> ir.Value:
        """Append a node with one float32 output; return that."""
        name = f"edgeml_watch_{len(self.graph)}"
        node = ir.node(op_type, inputs, dict(attributes), name=name)
        node.outputs[0].name, node.outputs[0].dtype = name, ir.DataType.FLOAT
        self.graph.append(node)
        return node.outputs[0]

    def constant(self, numbers: list[int]) -> ir.Value:
        """Add a constant of integers."""
        array = np.array(numbers, np.int64)
        return add_constant(self.graph, "edgeml_watch_constant", array)

    def output(self, value: ir.Value) -> str:
        """Make *value* an output; return its name."""
        if value.producer() is None or value.is_graph_output():
            value = self.node("Identity", value)
        self.graph.outputs.append(value)
        return value.name or ""

    def _over(self, op_type: str, value: ir.Value, axes: list[int]) -> ir.Value:
        if self._axes_are_inputs or op_type == "ReduceSum":
            return self.node(op_type, value, self.constant(axes), keepdims=0)
        return self.node(op_type, value, axes=axes, keepdims=0)
