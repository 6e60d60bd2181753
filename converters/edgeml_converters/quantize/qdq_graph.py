"""QuantizeLinear and DequantizeLinear nodes in a graph: where they go and what they are called.

Tensors keep their names for whoever reads outputs or compares layers: a graph output keeps its name
after the DequantizeLinear, every other tensor before the QuantizeLinear.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgeml_converters.quantize.affine import INT8, Grid, quantize
from edgeml_converters.quantize.constants import constant_floats
from edgeml_runtime.tensors import Quantization

Parameters = tuple[ir.Value, ir.Value]
"""The scale and the zero point of a tensor."""


class QdqGraph:
    """A graph that QDQ nodes are put into.

    Args:
        graph: Changed in place.
        quantized: The nodes that are computed in integers.
        grid: The integers of the activations.
    """

    def __init__(self, graph: ir.Graph, quantized: frozenset[ir.Node], grid: Grid = INT8) -> None:
        self._grid = grid
        self._graph = graph
        self._quantized = quantized
        self._names = set(ir.convenience.create_value_mapping(graph))
        self._parameters: dict[Quantization, Parameters] = {}

    def round_activation(self, value: ir.Value, quantization: Quantization) -> None:
        """Pass *value* through integers on its way to its users.

        Users that stay float keep the unrounded value, unless an int8 node made it: then there is
        no such value.
        """
        producer = value.producer()
        rounded_only = producer in self._quantized
        uses = [use for use in value.uses() if rounded_only or use.node in self._quantized]
        parameters = self._parameters_of(value.name or "", quantization)
        down = self._node("QuantizeLinear", (value, *parameters), "quantized")
        up = self._node("DequantizeLinear", (down.outputs[0], *parameters), "dequantized")
        self._describe(down, value, ir.DataType.from_numpy(np.dtype(self._grid.dtype)))
        self._describe(up, value, ir.DataType.FLOAT)
        if producer is None:
            self._graph.insert_before(self._graph[0], (down, up))
        else:
            self._graph.insert_after(producer, (down, up))
        for node, index in uses:
            node.replace_input_with(index, up.outputs[0])
        if value.is_graph_output() and rounded_only:
            self._move_output(value, up.outputs[0])

    def dequantize_operand(
        self, node: ir.Node, value: ir.Value, quantization: Quantization
    ) -> None:
        """Replace the constant *value* in the inputs of *node* by its integers."""
        numbers = constant_floats(value)
        assert numbers is not None
        scale = np.array(quantization.scale, np.float32)
        zero_point = np.array(quantization.zero_point, self._grid.dtype)
        integers = quantize(numbers, quantization, self._grid)
        dequantized = self._constant(node, value, (integers, scale, zero_point))
        for index, operand in enumerate(node.inputs):
            if operand is value:
                node.replace_input_with(index, dequantized)

    def dequantize_channels(
        self,
        node: ir.Node,
        position: int,
        integers: npt.NDArray[Any],
        scales: npt.NDArray[np.float32],
        axis: int,
    ) -> None:
        """Replace the input of *node* at *position* by *integers* with one scale a channel."""
        value = node.inputs[position]
        assert value is not None
        zeros = np.zeros(scales.shape, integers.dtype)
        constant = self._constant(node, value, (integers, scales, zeros), axis)
        node.replace_input_with(position, constant)

    def _constant(
        self,
        node: ir.Node,
        value: ir.Value,
        arrays: tuple[npt.NDArray[Any], npt.NDArray[np.float32], npt.NDArray[Any]],
        axis: int | None = None,
    ) -> ir.Value:
        """Put the integers, scale and zero point of *value* before *node*; return it as float."""
        suffixes = ("quantized", "scale", "zero_point")
        stored = tuple(
            self._initializer(f"{value.name}_{suffix}", array)
            for suffix, array in zip(suffixes, arrays, strict=True)
        )
        up = self._node("DequantizeLinear", stored, "dequantized", axis)
        self._describe(up, stored[0], ir.DataType.FLOAT)
        self._graph.insert_before(node, up)
        return up.outputs[0]

    def _parameters_of(self, name: str, quantization: Quantization) -> Parameters:
        if quantization not in self._parameters:
            zero_point = np.array(quantization.zero_point, self._grid.dtype)
            self._parameters[quantization] = (
                self._initializer(f"{name}_scale", np.array(quantization.scale, np.float32)),
                self._initializer(f"{name}_zero_point", zero_point),
            )
        return self._parameters[quantization]

    def _node(
        self, op_type: str, inputs: tuple[ir.Value, ...], suffix: str, axis: int | None = None
    ) -> ir.Node:
        base = (inputs[0].name or "").removesuffix("_quantized")
        name = self._unused_name(f"{base}_{suffix}")
        attributes = {} if axis is None else {"axis": axis}
        node = ir.node(op_type, inputs, attributes, name=name)
        node.outputs[0].name = name
        return node

    def _initializer(self, name: str, numbers: npt.NDArray[Any]) -> ir.Value:
        tensor = ir.tensor(numbers, name=self._unused_name(name))
        value = ir.Value(
            name=tensor.name,
            shape=ir.Shape(numbers.shape),
            type=ir.TensorType(tensor.dtype),
            const_value=tensor,
        )
        self._graph.register_initializer(value)
        return value

    def _unused_name(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in self._names:
            name, number = f"{wanted}_{number}", number + 1
        self._names.add(name)
        return name

    def _describe(self, node: ir.Node, like: ir.Value, dtype: ir.DataType) -> None:
        node.outputs[0].shape = None if like.shape is None else like.shape.copy()
        node.outputs[0].dtype = dtype

    def _move_output(self, value: ir.Value, replacement: ir.Value) -> None:
        name = value.name or ""
        for index, output in enumerate(self._graph.outputs):
            if output is value:
                self._graph.outputs[index] = replacement
        value.name = self._unused_name(f"{name}_unrounded")
        replacement.name = name
