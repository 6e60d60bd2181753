"""Inputs and outputs of the program: their tensors, names, and quantized forms."""

import numpy as np
import onnx_ir as ir

from edgeml_converters.tflite.blockers import Blocker, Refusal
from edgeml_converters.tflite.emitter import Emitter, dtype_of
from edgeml_converters.tflite.order import Order
from edgeml_converters.tflite.program import Affine, Tensor
from edgeml_converters.tflite.quantization import (
    QUANTIZED_TYPES,
    affine_of,
    is_dequantize,
    is_quantize,
    real_constant,
)
from edgeml_converters.tflite.step import shape_of


def bind_inputs(graph: ir.Graph, emitter: Emitter) -> list[Blocker]:
    """Make the tensors of the graph's inputs; return those that TFLite has no type for."""
    blockers = []
    for value in graph.inputs:
        try:
            _bind_input(value, emitter)
        except Refusal as refusal:
            blockers.append(Blocker(str(value.name), "input", str(refusal)))
    return blockers


def _bind_input(value: ir.Value, emitter: Emitter) -> None:
    order = emitter.layout.order_of(value)
    shape = order.arrange(shape_of(value))
    tensor = Tensor(emitter.free_name(str(value.name)), shape, dtype_of(value))
    emitter.program.inputs.append((str(value.name), tensor))
    affine = _input_affine(value)
    if affine is None:
        emitter.bind(value, tensor, integer=False)
    else:
        tensor.affine = _stored(affine, tensor.dtype)
        emitter.bind(value, _signed(tensor, affine, emitter), integer=True)


def _input_affine(value: ir.Value) -> Affine | None:
    if value.dtype not in QUANTIZED_TYPES or not value.uses():
        return None
    found = {affine_of(use.node) if is_dequantize(use.node) else None for use in value.uses()}
    return found.pop() if len(found) == 1 else None


def _stored(affine: Affine, dtype: np.dtype) -> Affine:
    """Return the quantization as the source has it: unsigned values lie 128 higher."""
    if dtype != np.uint8:
        return affine
    return Affine(affine.scale, tuple(zero + 128 for zero in affine.zero_point), affine.axis)


def _signed(tensor: Tensor, affine: Affine, emitter: Emitter) -> Tensor:
    if tensor.dtype != np.uint8:
        return tensor
    name = emitter.free_name(f"{tensor.name}/int8")
    signed = Tensor(name, tensor.shape, np.dtype(np.int8), affine=affine)
    emitter.operator("QUANTIZE", [tensor], [signed])
    return signed


def bind_outputs(graph: ir.Graph, emitter: Emitter, *, is_body: bool = False) -> list[Blocker]:
    """Name the graph's outputs, in the form and order they leave the program.

    Args:
        graph: The graph.
        emitter: Where all other nodes are written already.
        is_body: Whether it is the body of a node, out of which a constant leaves as it is: LiteRT
            fails to free what it copies of one into an output of a body.

    Returns:
        The outputs that TFLite has no type for.
    """
    blockers = []
    for value in graph.outputs:
        try:
            tensor = _output_tensor(value, emitter.layout.outputs[value], emitter)
        except Refusal as refusal:
            blockers.append(Blocker(str(value.name), "output", str(refusal)))
            continue
        taken = {id(t) for _, t in (*emitter.program.inputs, *emitter.program.outputs)}
        if id(tensor) in taken or (tensor.data is not None and not is_body):
            # An output is a tensor of its own; what is an input, a constant or an output is copied.
            copy = emitter.like(tensor, "output")
            emitter.reshape(tensor, copy)
            tensor = copy
        emitter.program.outputs.append((str(value.name), tensor))
    names = {name for name, _ in emitter.program.outputs}
    for operator in emitter.program.operators:
        for tensor in operator.outputs:
            if tensor.name in names:
                tensor.name = emitter.free_name(tensor.name)
    for name, tensor in emitter.program.outputs:
        tensor.name = name
    return blockers


def _output_tensor(value: ir.Value, order: Order, emitter: Emitter) -> Tensor:
    constant = real_constant(value)
    if constant is not None:
        dtype_of(value)
        arranged = constant.transpose(order.permutation(constant.ndim))
        return emitter.constant(str(value.name), arranged)
    if not is_quantize(value.producer()):
        return emitter.real(value, order)
    tensor = emitter.integer(value, order)
    if value.dtype != ir.DataType.UINT8 or tensor.affine is None:
        return tensor
    affine = _stored(tensor.affine, np.dtype(np.uint8))
    name = emitter.free_name(f"{tensor.name}/uint8")
    unsigned = Tensor(name, tensor.shape, np.dtype(np.uint8), affine=affine)
    emitter.operator("QUANTIZE", [tensor], [unsigned])
    return unsigned
