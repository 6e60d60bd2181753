"""Builds the ONNX graph step by step: finds the values of TFLite tensors, in the order wanted.

A computed tensor can be there in two orders of axes; the emitter makes a missing one from the
other, once. Readers see real numbers: a quantized tensor is passed through QuantizeLinear and
DequantizeLinear with the file's own scale and zero point where it is made, and again where its axes
are moved, so that every operator stands between the two.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir

from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.program import Affine, Tensor
from edgeml_converters.tflite_import.layout import Layout
from edgeml_converters.tflite_import.order import Order, is_indifferent
from edgeml_converters.tflite_import.step import Step

OPSET = 17
INT16_OPSET = 21
"""QuantizeLinear takes 16-bit integers since then."""

_QUANTIZED = frozenset({"int8", "uint8", "int16", "uint16"})

Attribute = int | float | str | Sequence[int]


class Emitter:
    """The graph being built, and the values that stand for each tensor so far."""

    def __init__(self, layout: Layout, reserved: Sequence[str]) -> None:
        self.layout = layout
        self.opset = OPSET
        self.nodes: list[ir.Node] = []
        self.initializers: list[ir.Value] = []
        self._real: dict[tuple[Tensor, Order], ir.Value] = {}
        self._constants: dict[tuple[str, tuple[int, ...], bytes], ir.Value] = {}
        self._names = set(reserved)
        self._prefix = "graph"

    # Values of tensors ----------------------------------------------------------------------------

    def begin(self, step: Step) -> None:
        """Name the nodes that follow after a step."""
        self._prefix = step.name

    def is_known(self, tensor: Tensor) -> bool:
        """Whether a tensor is constant or has a value."""
        return tensor.data is not None or any((tensor, order) in self._real for order in Order)

    def bind(self, tensor: Tensor, value: ir.Value, order: Order) -> None:
        """Let a value of real numbers stand for a tensor in one order."""
        self._real[tensor, order] = value

    def input(self, step: Step, index: int = 0, order: Order | None = None) -> ir.Value:
        """Return an input as real numbers, in the order that the step reads in."""
        return self.real(step.input(index), order or self.layout.reads[step])

    def operand(self, step: Step, index: int, rank: int) -> ir.Value:
        """Return an input that is broadcast to a rank, in the order that the step reads in."""
        tensor, order = step.input(index), self.layout.reads[step]
        missing = rank - len(tensor.shape)
        if tensor.data is None or order is Order.FILE or missing <= 0 or tensor.data.ndim == 0:
            return self.real(tensor, order)
        shape = (1,) * missing + tensor.shape
        affine = tensor.affine
        if affine is not None and not affine.per_tensor:
            affine = Affine(affine.scale, affine.zero_point, affine.axis + missing)
        lifted = Tensor(tensor.name, shape, tensor.dtype, tensor.data.reshape(shape), affine)
        return self.real(lifted, order)

    def real(self, tensor: Tensor, order: Order) -> ir.Value:
        """Return the value of a tensor as real numbers (integers where it has no scale)."""
        if tensor.data is not None:
            return self.arranged(tensor, order.permutation(len(tensor.shape)))
        if (tensor, order) not in self._real:
            other = next(o for o in Order if (tensor, o) in self._real)
            source = self._real[tensor, other]
            if order.permutation(len(tensor.shape)) == other.permutation(len(tensor.shape)):
                return source
            self._real[tensor, order] = self._reordered(tensor, source, other, order)
        return self._real[tensor, order]

    def stored(self, tensor: Tensor, order: Order) -> ir.Value:
        """Return the value of a tensor as the file holds it: integers where it is quantized."""
        if tensor.data is not None:
            array = tensor.data.transpose(order.permutation(tensor.data.ndim))
            return self.constant(tensor.name, array)
        value = self.real(tensor, order)
        producer = value.producer()
        if not is_quantized(tensor) or producer is None:
            return value
        integers = producer.inputs[0]
        assert integers is not None
        return integers

    def arranged(self, tensor: Tensor, permutation: Sequence[int]) -> ir.Value:
        """Return a tensor as real numbers, its axes (in the file's order) permuted."""
        if tensor.data is None:
            value = self.real(tensor, Order.FILE)
            if tuple(permutation) == tuple(range(len(permutation))):
                return value
            return self.rounded(self.node("Transpose", value, perm=list(permutation)), tensor)
        array = tensor.data.transpose(permutation)
        if tensor.affine is None:
            return self.constant(tensor.name, array)
        axis = 0 if tensor.affine.per_tensor else list(permutation).index(tensor.affine.axis)
        return self.dequantized(tensor.name, array, _at(tensor.affine, axis))

    def output(self, step: Step, value: ir.Value, index: int = 0) -> None:
        """Let a value stand for an output of a step, in the order that it writes in."""
        tensor = step.operator.outputs[index]
        order = self.layout.written[tensor]
        made = self.rounded(value, tensor)
        if made.producer() is not None and made.shape is None:
            made.name = self.free_name(tensor.name)
            made.type = ir.TensorType(dtype_of(tensor))
            made.shape = ir.Shape(order.arrange(tensor.shape))
        self._real[tensor, order] = made

    # Quantization ---------------------------------------------------------------------------------

    def rounded(self, value: ir.Value, tensor: Tensor) -> ir.Value:
        """Return a value after it went through the integers of a tensor, if that is quantized."""
        if not is_quantized(tensor):
            return value
        assert tensor.affine is not None
        parameters = self._parameters(tensor.name, tensor.affine, tensor.dtype)
        down = self.node("QuantizeLinear", value, *parameters)
        down.dtype = ir.DataType.from_numpy(tensor.dtype)
        return self.node("DequantizeLinear", down, *parameters)

    def taken(self, value: ir.Value, tensor: Tensor) -> ir.Value:
        """Return a value of a tensor's stored numbers as real numbers."""
        if not is_quantized(tensor):
            return value
        assert tensor.affine is not None
        return self.node(
            "DequantizeLinear", value, *self._parameters(tensor.name, tensor.affine, tensor.dtype)
        )

    def dequantized(self, name: str, array: np.ndarray, affine: Affine) -> ir.Value:
        """Return constant integers as real numbers, the integers kept as they are."""
        if array.dtype.name not in _QUANTIZED and array.dtype != np.int32:
            return self.constant(name, _real_numbers(array, affine))
        stored = self.constant(f"{name}/integers", array)
        parameters = self._parameters(name, affine, array.dtype)
        if affine.per_tensor:
            return self.node("DequantizeLinear", stored, *parameters)
        return self.node("DequantizeLinear", stored, *parameters, axis=affine.axis)

    def _parameters(self, name: str, affine: Affine, dtype: np.dtype) -> tuple[ir.Value, ir.Value]:
        # Not shared between tensors: onnxruntime 1.32 fails to load a file where they are.
        if dtype.name in {"int16", "uint16"}:
            self.opset = INT16_OPSET
        scale, zero_point = np.array(affine.scale, np.float32), np.array(affine.zero_point, dtype)
        if affine.per_tensor:
            scale, zero_point = scale.reshape(()), zero_point.reshape(())
        scales = self.constant(f"{name}/scale", scale)
        return scales, self.constant(f"{name}/zero_point", zero_point)

    # Nodes and constants --------------------------------------------------------------------------

    def node(
        self, op_type: str, *inputs: ir.Value | None, outputs: int = 1, **attributes: Attribute
    ) -> ir.Value:
        """Append a node and return the first value it makes."""
        return self.node_of(op_type, inputs, attributes, outputs)[0]

    def node_of(
        self,
        op_type: str,
        inputs: Sequence[ir.Value | None],
        attributes: Mapping[str, Attribute],
        outputs: int = 1,
    ) -> Sequence[ir.Value]:
        """Append a node and return the values it makes."""
        name = self.free_name(f"{self._prefix}/{op_type}")
        node = ir.node(op_type, list(inputs), dict(attributes), name=name, num_outputs=outputs)
        for number, value in enumerate(node.outputs):
            value.name = self.free_name(f"{name}:{number}")
        self.nodes.append(node)
        return node.outputs

    def constant(self, name: str, array: np.ndarray) -> ir.Value:
        """Return a constant; equal ones of the same name are one."""
        data = np.ascontiguousarray(array).reshape(array.shape)
        key = (f"{name} {data.dtype}", data.shape, data.tobytes())
        if key not in self._constants:
            tensor = ir.Tensor(data, name=self.free_name(name))
            value = ir.Value(
                name=tensor.name,
                shape=ir.Shape(data.shape),
                type=ir.TensorType(tensor.dtype),
                const_value=tensor,
            )
            self.initializers.append(value)
            self._constants[key] = value
        return self._constants[key]

    def integers(self, name: str, numbers: Sequence[int]) -> ir.Value:
        """Return a constant list of int64, as ONNX wants sizes and axes."""
        return self.constant(f"{self._prefix}/{name}", np.array(numbers, np.int64))

    def number(self, number: float) -> ir.Value:
        """Return a constant float32 without axes."""
        return self.constant("number", np.array(number, np.float32))

    def reshaped(self, value: ir.Value, shape: Sequence[int]) -> ir.Value:
        """Append a Reshape to a known shape."""
        return self.node("Reshape", value, self.integers("shape", shape))

    def free_name(self, name: str) -> str:
        """Return the name, with a number after it if it is taken, and take it."""
        candidate, number = name or "unnamed", 1
        while candidate in self._names:
            candidate, number = f"{name}_{number}", number + 1
        self._names.add(candidate)
        return candidate

    def _reordered(self, tensor: Tensor, value: ir.Value, have: Order, want: Order) -> ir.Value:
        rank = len(tensor.shape)
        if is_indifferent(tensor.shape):
            return self.rounded(self.reshaped(value, want.arrange(tensor.shape)), tensor)
        placed = have.permutation(rank)
        permutation = [placed.index(axis) for axis in want.permutation(rank)]
        return self.rounded(self.node("Transpose", value, perm=permutation), tensor)


def is_quantized(tensor: Tensor) -> bool:
    """Whether the integers of a tensor stand for real numbers."""
    if tensor.affine is None or tensor.dtype.name not in _QUANTIZED:
        return False
    if tensor.data is None and not tensor.affine.per_tensor:
        raise Refusal(f"'{tensor.name}' is computed and has a scale for each channel")
    return True


def dtype_of(tensor: Tensor) -> ir.DataType:
    """Return the type of a tensor's value as its readers see it."""
    if tensor.dtype.kind not in "biuf":
        raise Refusal(f"'{tensor.name}' does not hold real numbers")
    return ir.DataType.FLOAT if is_quantized(tensor) else ir.DataType.from_numpy(tensor.dtype)


def _at(affine: Affine, axis: int) -> Affine:
    return Affine(affine.scale, affine.zero_point, axis)


def _real_numbers(array: np.ndarray, affine: Affine) -> np.ndarray:
    along = [1] * array.ndim
    if not affine.per_tensor:
        along[affine.axis] = -1
    scale = np.array(affine.scale, np.float64).reshape(along)
    zero_point = np.array(affine.zero_point, np.int64).reshape(along)
    return np.asarray((array - zero_point) * scale, np.float32).reshape(array.shape)
