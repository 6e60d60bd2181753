"""FULLY_CONNECTED and BATCH_MATMUL."""

import math

import onnx_ir as ir

from edgeml_converters.tflite_import.activation import activated
from edgeml_converters.tflite_import.emitter import Emitter
from edgeml_converters.tflite_import.layout import FILE, Ports
from edgeml_converters.tflite_import.ops.op_conv import bias_value
from edgeml_converters.tflite_import.order import Order, is_indifferent
from edgeml_converters.tflite_import.registry import importing
from edgeml_converters.tflite_import.step import Step


def _ports(step: Step) -> Ports:
    return Ports(None, Order.FILE) if is_indifferent(step.input().shape) else FILE


@importing("FULLY_CONNECTED", ports=_ports)
def raise_fully_connected(step: Step, emit: Emitter) -> None:
    """Add a Gemm on rows, flattened before and given their axes back after it."""
    source, weights = step.input(), step.input(1)  # weights are (O, I)
    made_features, features = weights.shape
    rows = math.prod(source.shape) // features
    value = emit.input(step)
    if len(source.shape) != 2 or source.shape != (rows, features):
        value = emit.rounded(emit.reshaped(value, (rows, features)), source)
    inputs = [value, emit.real(weights, Order.FILE)]
    if step.has(2):
        inputs.append(bias_value(step, emit, 2, source, weights))
    made = activated(step, emit, emit.node("Gemm", *inputs, transB=1))
    if step.output.shape != (rows, made_features):
        made = emit.reshaped(emit.rounded(made, step.output), step.output.shape)
    emit.output(step, made)


@importing("BATCH_MATMUL")
def raise_batch_matmul(step: Step, emit: Emitter) -> None:
    """Add a MatMul, its factors turned first where the file says so."""
    left = _factor(step, emit, 0, turned=step.flag("adj_x"))
    right = _factor(step, emit, 1, turned=step.flag("adj_y"))
    emit.output(step, emit.node("MatMul", left, right))


def _factor(step: Step, emit: Emitter, index: int, *, turned: bool) -> ir.Value:
    tensor = step.input(index)
    axes = list(range(len(tensor.shape)))
    if turned:
        axes[-2:] = axes[-1], axes[-2]
    return emit.arranged(tensor, axes)
