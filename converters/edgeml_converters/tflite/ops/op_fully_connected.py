"""Gemm and MatMul: FULLY_CONNECTED with constant weights, BATCH_MATMUL otherwise."""

import numpy as np

from edgeml_converters.graph.attributes import float_attribute, int_attribute
from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.layout import SOURCE
from edgeml_converters.tflite.ops.weights import real_or_integer_bias, weighted_affine
from edgeml_converters.tflite.program import Affine
from edgeml_converters.tflite.quantization import is_constant
from edgeml_converters.tflite.registry import lowering
from edgeml_converters.tflite.step import Step, any_scale


def _is_plain(step: Step) -> bool:
    """Whether a Gemm is ``x @ w + b``: no factors, no transposed input."""
    node = step.node
    factors = float_attribute(node, "alpha", 1.0), float_attribute(node, "beta", 1.0)
    return factors == (1.0, 1.0) and not int_attribute(node, "transA", 0)


def _integer_rule(step: Step) -> Affine | None:
    if step.node.op_type == "Gemm":
        if not _is_plain(step):
            return None
        return weighted_affine(step, channel_axis=1 - int_attribute(step.node, "transB", 0))
    if is_constant(step.value(1)):
        return weighted_affine(step, channel_axis=1)
    return any_scale(step)


@lowering("Gemm", ports=SOURCE, integer=_integer_rule, fuses_activation=True)
def lower_gemm(step: Step, emit: Emitter) -> None:
    """Write a Gemm with constant weights; its factors go into weights and bias."""
    if int_attribute(step.node, "transA", 0):
        raise Refusal("a transposed first input has no TFLite form")
    if step.has(2) and not is_constant(step.value(2)):
        raise Refusal("a bias that is computed at run time is not supported")
    transposed = bool(int_attribute(step.node, "transB", 0))
    _fully_connected(step, emit, rows_are_outputs=transposed)


@lowering("MatMul", ports=SOURCE, integer=_integer_rule, fuses_activation=True)
def lower_matmul(step: Step, emit: Emitter) -> None:
    """Write a matrix product: FULLY_CONNECTED where the second factor is a constant matrix."""
    if is_constant(step.value(1)) and len(step.shape(1)) == 2 and len(step.shape(0)) >= 2:
        _fully_connected(step, emit, rows_are_outputs=False)
        return
    if len(step.shape(0)) < 2 or len(step.shape(1)) < 2:
        raise Refusal("products with vectors are not supported")
    factors, target = [emit.input(step, 0), emit.input(step, 1)], emit.output(step)
    if step.activation == "NONE":
        emit.operator("BATCH_MATMUL", factors, [target])
        return
    product = emit.like(target, "product")
    emit.operator("BATCH_MATMUL", factors, [product])
    emit.operator(step.activation, [product], [target])


def _fully_connected(step: Step, emit: Emitter, *, rows_are_outputs: bool) -> None:
    array, affine = emit.constant_of(step, 1)
    alpha = float_attribute(step.node, "alpha", 1.0)
    if alpha != 1.0:
        array = array * np.float32(alpha)
    matrix = array if rows_are_outputs else array.T
    features = emit.features(step.value(0))
    if features is not None:
        # The input was flattened with the channels last: its columns are permuted to match.
        matrix = np.moveaxis(matrix.reshape(-1, *features), 1, -1).reshape(matrix.shape)
    stored = None if affine is None else Affine(affine.scale, affine.zero_point, 0)
    weights = emit.constant(str(step.value(1).name), matrix, stored)
    source = emit.input(step, 0)
    bias = real_or_integer_bias(step, emit, source, weights, matrix.shape[0])
    beta = float_attribute(step.node, "beta", 1.0)
    if beta != 1.0 and bias.data is not None:
        bias.data = bias.data * np.float32(beta)
    emit.operator(
        "FULLY_CONNECTED",
        [source, weights, bias],
        [emit.output(step)],
        fused_activation_function=step.activation,
        keep_num_dims=len(step.shape()) > 2,
    )
