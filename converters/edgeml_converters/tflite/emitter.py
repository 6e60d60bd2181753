"""Builds a TFLite program step by step: finds the tensors of ONNX values, in the order wanted.

A value can be there in up to four forms: real or integer, each in either order of axes. The emitter
makes a missing form from the one that is there, once, with TRANSPOSE (or RESHAPE) and DEQUANTIZE.
"""

import numpy as np
import onnx_ir as ir

from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.element_types import kernel_type, type_name
from edgeml_converters.tflite.layout import Layout
from edgeml_converters.tflite.op_versions import op_entry
from edgeml_converters.tflite.order import Order, is_reshape
from edgeml_converters.tflite.program import Affine, Operator, Option, Program, Tensor
from edgeml_converters.tflite.quantization import (
    is_constant,
    quantized_constant,
    real_constant,
    unquantized,
)
from edgeml_converters.tflite.step import Step, shape_of

_DTYPES = {
    ir.DataType.FLOAT: "float32",
    ir.DataType.INT32: "int32",
    ir.DataType.INT64: "int64",
    ir.DataType.BOOL: "bool",
    ir.DataType.INT8: "int8",
    ir.DataType.UINT8: "uint8",
    ir.DataType.FLOAT16: "float16",
    ir.DataType.DOUBLE: "float64",
    ir.DataType.INT16: "int16",
    ir.DataType.UINT16: "uint16",
    ir.DataType.UINT32: "uint32",
    ir.DataType.UINT64: "uint64",
}


class Emitter:
    """The program being written, and the tensors that stand for each value so far."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.program = Program()
        self._real: dict[tuple[ir.Value, Order], Tensor] = {}
        self._integer: dict[tuple[ir.Value, Order], Tensor] = {}
        self._feature_shapes: dict[ir.Value, tuple[int, ...]] = {}
        self._names: set[str] = set()
        self.counters: dict[ir.Value, Tensor] = {}
        """Values that count the iterations of a loop, as int32 tensors that are never negative."""

    # Values ---------------------------------------------------------------------------------------

    def input(self, step: Step, index: int) -> Tensor:
        """Return the tensor of an input, in the order and arithmetic of the step."""
        value = step.value(index)
        order = self.layout.reads[step]
        if is_constant(value):
            array, affine = self.constant_of(step, index)
            arranged = array.transpose(order.permutation(array.ndim))
            return self.constant(str(value.name), arranged, affine)
        return self.integer(value, order) if step.integer else self.real(value, order)

    def constant_of(self, step: Step, index: int) -> tuple[np.ndarray, Affine | None]:
        """Return a constant input, in ONNX order: integers and quantization, or real numbers."""
        value = step.value(index)
        quantized = quantized_constant(value) if step.integer else None
        if quantized is not None:
            return quantized
        array = real_constant(value)
        if array is None:
            raise Refusal(f"its input {value.name} is not constant")
        return array, None

    def output(self, step: Step, index: int = 0) -> Tensor:
        """Make the tensor of an output, in the order and arithmetic of the step."""
        value = step.outputs[index]
        order = self.layout.order_of(value)
        shape = order.arrange(shape_of(value))
        if step.affine is not None:
            tensor = self._new(str(value.name), shape, np.dtype(step.affine.dtype), step.affine)
            self._integer[value, order] = tensor
        else:
            tensor = self._new(str(value.name), shape, dtype_of(value))
            self._real[value, order] = tensor
        return tensor

    def real(self, value: ir.Value, order: Order) -> Tensor:
        """Return the tensor of a value as real numbers."""
        if (value, order) in self._real:
            return self._real[value, order]
        other = next((o for o in Order if (value, o) in self._real), None)
        if other is not None:
            tensor = self._reorder(self._real[value, other], other, order)
        else:
            source = self.integer(value, order)
            tensor = self._new(f"{source.name}/dequantized", source.shape, np.dtype(np.float32))
            self.operator("DEQUANTIZE", [source], [tensor])
        self._real[value, order] = tensor
        return tensor

    def integer(self, value: ir.Value, order: Order) -> Tensor:
        """Return the tensor of a value as quantized integers; it must be held as such."""
        if (value, order) not in self._integer:
            other = next(o for o in Order if (value, o) in self._integer)
            self._integer[value, order] = self._reorder(self._integer[value, other], other, order)
        return self._integer[value, order]

    def is_integer(self, value: ir.Value) -> bool:
        """Whether a value is held as quantized integers."""
        return any((value, order) in self._integer for order in Order)

    def is_known(self, value: ir.Value) -> bool:
        """Whether a value has a tensor."""
        return self.is_integer(value) or any((value, order) in self._real for order in Order)

    def bind(self, value: ir.Value, tensor: Tensor, *, integer: bool) -> None:
        """Let an existing tensor stand for a value, in the order the value was made in."""
        known = self._integer if integer else self._real
        known[value, self.layout.order_of(value)] = tensor

    # Features flattened in channels-last order ----------------------------------------------------

    def note_features(self, value: ir.Value, shape: tuple[int, ...]) -> None:
        """Remember that a flattened value runs over (C, spatial...) with the channels last."""
        self._feature_shapes[value] = shape

    def features(self, value: ir.Value) -> tuple[int, ...] | None:
        """Return the shape that was noted for a value."""
        return self._feature_shapes.get(unquantized(value))

    # Tensors and operators ------------------------------------------------------------------------

    def constant(self, name: str, array: np.ndarray, affine: Affine | None = None) -> Tensor:
        """Add a constant tensor, as it lies in memory."""
        data = np.ascontiguousarray(array).reshape(array.shape)
        tensor = self._new(name, data.shape, data.dtype, affine)
        tensor.data = data
        return tensor

    def tensor(self, name: str, shape: tuple[int, ...], dtype: np.dtype) -> Tensor:
        """Make a tensor that is computed, without quantization."""
        return self._new(name, shape, dtype)

    def like(self, tensor: Tensor, suffix: str, shape: tuple[int, ...] | None = None) -> Tensor:
        """Make a tensor of the same type and quantization as another."""
        size = tensor.shape if shape is None else shape
        return self._new(f"{tensor.name}/{suffix}", size, tensor.dtype, tensor.affine)

    def operator(
        self,
        code: str,
        inputs: list[Tensor | None] | list[Tensor],
        outputs: list[Tensor],
        **options: Option,
    ) -> None:
        """Append an operator; options are named as in the TFLite schema, in snake case.

        Where its kernel does not take the element type, it computes in a wider one.

        Raises:
            Refusal: There is no wider one either.
        """
        given = list(inputs)
        have, wider = kernel_type(code, given)
        if have == wider:
            self.program.operators.append(Operator(code, given, outputs, options))
            return
        widened = [t if t is None or t.dtype != have else self.cast(t, wider) for t in given]
        results = [t if t.dtype != have else self._cast_like(t, wider) for t in outputs]
        self.program.operators.append(Operator(code, widened, results, options))
        for result, output in zip(results, outputs, strict=True):
            if result is not output:
                self.cast_into(result, output)

    def control(
        self, code: str, inputs: list[Tensor], outputs: list[Tensor], bodies: dict[str, Program]
    ) -> None:
        """Append an operator that runs programs, given by the names of the options for them."""
        self.program.operators.append(Operator(code, list(inputs), outputs, {}, bodies))

    def cast(self, tensor: Tensor, dtype: np.dtype) -> Tensor:
        """Return a tensor with elements of another type; a constant is converted here."""
        if tensor.dtype == dtype:
            return tensor
        if tensor.data is not None:
            return self.constant(f"{tensor.name}/{dtype}", tensor.data.astype(dtype))
        target = self._cast_like(tensor, dtype)
        self.cast_into(tensor, target)
        return target

    def _cast_like(self, tensor: Tensor, dtype: np.dtype) -> Tensor:
        return self._new(f"{tensor.name}/{dtype}", tensor.shape, dtype)

    def cast_into(self, source: Tensor, target: Tensor) -> None:
        """Append a CAST to the element type of ``target``.

        Raises:
            Refusal: TFLite converts neither from nor to one of the types.
        """
        for dtype in (source.dtype, target.dtype):
            if dtype.name not in op_entry("CAST").types:
                raise Refusal(f"TFLite converts no elements of type {dtype}")
        types = (type_name(source.dtype), type_name(target.dtype))
        options: dict[str, Option] = {"in_data_type": types[0], "out_data_type": types[1]}
        self.program.operators.append(Operator("CAST", [source], [target], options))

    def reshape(self, source: Tensor, target: Tensor) -> None:
        """Append a RESHAPE to the shape of ``target``."""
        shape = self.constant(f"{target.name}/shape", np.array(target.shape, np.int32))
        self.operator("RESHAPE", [source, shape], [target], new_shape=list(target.shape))

    def transpose(self, source: Tensor, target: Tensor, permutation: tuple[int, ...]) -> None:
        """Append what makes ``target`` from ``source``: a RESHAPE where that does it."""
        if is_reshape(permutation, source.shape):
            self.reshape(source, target)
            return
        order = self.constant(f"{target.name}/perm", np.array(permutation, np.int32))
        self.operator("TRANSPOSE", [source, order], [target])

    def _reorder(self, tensor: Tensor, have: Order, want: Order) -> Tensor:
        rank = len(tensor.shape)
        if have.permutation(rank) == want.permutation(rank):
            return tensor
        placed = have.permutation(rank)
        permutation = tuple(placed.index(axis) for axis in want.permutation(rank))
        shape = tuple(tensor.shape[axis] for axis in permutation)
        target = self.like(tensor, want.value, shape)
        self.transpose(tensor, target, permutation)
        return target

    def _new(
        self, name: str, shape: tuple[int, ...], dtype: np.dtype, affine: Affine | None = None
    ) -> Tensor:
        return Tensor(self.free_name(name), tuple(shape), dtype, affine=affine)

    def free_name(self, name: str) -> str:
        """Return the name, with a number after it if it is taken, and take it."""
        candidate, number = name, 1
        while candidate in self._names:
            candidate, number = f"{name}_{number}", number + 1
        self._names.add(candidate)
        return candidate


def dtype_of(value: ir.Value) -> np.dtype:
    """Return the element type of a value, refusing what TFLite files of ours do not hold."""
    if value.dtype is None or value.dtype not in _DTYPES:
        name = "unknown" if value.dtype is None else value.dtype.name.lower()
        raise Refusal(f"{value.name} is of type {name}, which is not supported")
    return np.dtype(_DTYPES[value.dtype])
