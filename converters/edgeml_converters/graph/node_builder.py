"""Builds nodes in the place of one that they stand for."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.attributes import opset
from edgeml_converters.graph.constants import add_constant, free_name

_FIRST_OPSET_OF_SIZE_INPUTS = 13


class NodeBuilder:
    """Inserts nodes before a node, and at last lets them take its place.

    Args:
        graph: Where the nodes go.
        before: The node that they go before, and are named after.
    """

    def __init__(self, graph: ir.Graph, before: ir.Node) -> None:
        self._graph = graph
        self._before = before
        self._name = before.name or str(before.outputs[0].name)
        self._count = 0
        self._opset = opset(before)

    def op(self, op_type: str, *inputs: ir.Value, **attributes: float | list[int]) -> ir.Value:
        """Insert a node with one output; return that."""
        return self._node(op_type, inputs, 1, attributes)[0]

    def ops(self, op_type: str, inputs: Sequence[ir.Value], outputs: int) -> list[ir.Value]:
        """Insert a node with several outputs; return these."""
        return self._node(op_type, inputs, outputs, {})

    def constant(self, array: np.ndarray) -> ir.Value:
        """Add a constant; float32 unless it is of integers."""
        kind = array.dtype if array.dtype.kind in "iub" else np.dtype(np.float32)
        return add_constant(self._graph, f"{self._name}/constant", array.astype(kind))

    def reshape(self, value: ir.Value, shape: tuple[int, ...]) -> ir.Value:
        """Insert a Reshape."""
        return self.op("Reshape", value, self.constant(np.array(shape, np.int64)))

    def split(self, value: ir.Value, axis: int, count: int, size: int) -> list[ir.Value]:
        """Insert a Split into *count* parts of *size* elements each along *axis*."""
        if count == 1:
            return [value]
        sizes = [size] * count
        if self._opset < _FIRST_OPSET_OF_SIZE_INPUTS:
            return self._node("Split", [value], count, {"axis": axis, "split": sizes})
        given = [value, self.constant(np.array(sizes, np.int64))]
        return self._node("Split", given, count, {"axis": axis})

    def join(self, parts: Sequence[ir.Value], axis: int, order: list[int] | None) -> ir.Value:
        """Insert a Concat, and a Transpose where an order of axes is given."""
        whole = parts[0] if len(parts) == 1 else self.op("Concat", *parts, axis=axis)
        return whole if order is None else self.op("Transpose", whole, perm=order)

    def unsqueeze(self, value: ir.Value, axis: int) -> ir.Value:
        """Insert an Unsqueeze, which adds an axis of size 1."""
        if self._opset < _FIRST_OPSET_OF_SIZE_INPUTS:
            return self.op("Unsqueeze", value, axes=[axis])
        return self.op("Unsqueeze", value, self.constant(np.array([axis], np.int64)))

    def reverse(self, value: ir.Value, axis: int) -> ir.Value:
        """Insert a Slice that runs backwards along an axis."""
        bounds = (-1, np.iinfo(np.int64).min, axis, -1)
        return self.op("Slice", value, *(self.constant(np.array([at], np.int64)) for at in bounds))

    def loop(
        self, body: ir.Graph, rounds: int, states: Sequence[ir.Value], outputs: int
    ) -> list[ir.Value]:
        """Insert a Loop of a fixed number of rounds."""
        given = [self.constant(np.array(rounds, np.int64)), self.constant(np.array(1, np.bool_))]
        return self._node("Loop", [*given, *states], outputs, {"body": body})

    def replace(self, node: ir.Node, results: Sequence[ir.Value]) -> None:
        """Let results stand for the outputs of a node, and remove it."""
        pairs = [
            (output, result)
            for output, result in zip(node.outputs, results, strict=False)
            if output.name
        ]
        for output, result in pairs:
            result.type, result.shape = output.type, output.shape
        ir.convenience.replace_nodes_and_values(
            self._graph, node, [node], [], [old for old, _ in pairs], [new for _, new in pairs]
        )

    def _node(
        self,
        op_type: str,
        inputs: Sequence[ir.Value],
        outputs: int,
        attributes: Mapping[str, float | list[int] | ir.Graph],
    ) -> list[ir.Value]:
        self._count += 1
        name = f"{self._name}/{op_type}{self._count}"
        node = ir.node(
            op_type, list(inputs), attributes=dict(attributes), num_outputs=outputs, name=name
        )
        for index, output in enumerate(node.outputs):
            output.name = free_name(self._graph, f"{name}_{index}")
        self._graph.insert_before(self._before, node)
        return list(node.outputs)
