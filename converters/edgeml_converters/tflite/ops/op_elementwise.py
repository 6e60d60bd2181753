"""Operators that work element by element: arithmetic, activations, clipping."""

import math

import numpy as np

from edgeml_converters.graph.attributes import float_attribute
from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.ops.operands import broadcast_ports, operand
from edgeml_converters.tflite.program import Affine, Tensor
from edgeml_converters.tflite.quantization import is_constant
from edgeml_converters.tflite.registry import lowering
from edgeml_converters.tflite.step import (
    Step,
    activation_bounds,
    any_scale,
    fixed_output,
    same_scale_written,
)

_BINARY = {"Add": "ADD", "Sub": "SUB", "Mul": "MUL", "Div": "DIV"}
_EXTREMES = {"Max": "MAXIMUM", "Min": "MINIMUM"}
_WIDE = {(0.0, math.inf), (0.0, 6.0)}
"""The activations that have a kernel for int16."""
_ACTIVATIONS = {
    (0.0, math.inf): "RELU",
    (0.0, 6.0): "RELU6",
    (-1.0, 1.0): "RELU_N1_TO_1",
    (0.0, 1.0): "RELU_0_TO_1",
}


def _pair_rule(step: Step) -> Affine | None:
    """A sum of more than two would be rounded on the way."""
    return any_scale(step) if len(step.node.inputs) == 2 else None


@lowering("Add", "Sub", "Mul", ports=broadcast_ports, integer=any_scale, fuses_activation=True)
def lower_arithmetic(step: Step, emit: Emitter) -> None:
    """Write a sum, difference or product with broadcasting."""
    sources = [operand(step, emit, 0), operand(step, emit, 1)]
    emit.operator(
        _BINARY[step.node.op_type],
        sources,
        [emit.output(step)],
        fused_activation_function=step.activation,
    )


@lowering("Div", ports=broadcast_ports, fuses_activation=True)
def lower_division(step: Step, emit: Emitter) -> None:
    """Write a quotient of real numbers: TFLite has no quantized form."""
    lower_arithmetic(step, emit)


@lowering("Sum", ports=broadcast_ports, integer=_pair_rule, fuses_activation=True)
def lower_sum(step: Step, emit: Emitter) -> None:
    """Write a sum of any number of inputs as additions in turn."""
    _chain(step, emit, "ADD", {"fused_activation_function": step.activation})


def _extreme_rule(step: Step) -> Affine | None:
    """MAXIMUM and MINIMUM cannot rescale; a constant would have to be of the very scale."""
    if any(is_constant(step.value(index)) for index in range(len(step.node.inputs))):
        return None
    return same_scale_written(step)


@lowering("Max", "Min", ports=broadcast_ports, integer=_extreme_rule)
def lower_extreme(step: Step, emit: Emitter) -> None:
    """Write the greatest or least of any number of inputs."""
    _chain(step, emit, _EXTREMES[step.node.op_type], {})


def _chain(step: Step, emit: Emitter, code: str, options: dict[str, str]) -> None:
    result = operand(step, emit, 0)
    target = emit.output(step)
    plain = dict.fromkeys(options, "NONE")
    count = len(step.node.inputs)
    if count == 1:
        if step.activation != "NONE":
            raise Refusal("a sum of one input is not supported")
        emit.reshape(result, target)
    for index in range(1, count):
        last = index == count - 1
        other = operand(step, emit, index)
        shape = np.broadcast_shapes(result.shape, other.shape)
        partial = target if last else emit.like(target, f"part{index}", shape)
        emit.operator(code, [result, other], [partial], **(options if last else plain))
        result = partial


def _clip_rule(step: Step) -> Affine | None:
    """MAXIMUM and MINIMUM cannot rescale, and the activations can."""
    known = activation_bounds(step.node) in _ACTIVATIONS
    affine = any_scale(step) if known else None
    if affine is None or (affine.dtype == "int16" and activation_bounds(step.node) not in _WIDE):
        return same_scale_written(step)
    return affine


def _stored(bound: float, source: Tensor) -> np.ndarray:
    """Return a bound as an element of *source*."""
    if source.affine is None:
        return np.array(bound, source.dtype)
    steps = np.rint(bound / source.affine.scale[0]) + source.affine.zero_point[0]
    limit = np.iinfo(source.dtype)
    return np.array(np.clip(steps, limit.min, limit.max), source.dtype)


@lowering("Relu", "Clip", integer=_clip_rule)
def lower_clip(step: Step, emit: Emitter) -> None:
    """Write an activation, or MAXIMUM and MINIMUM where TFLite has none of these bounds."""
    bounds = activation_bounds(step.node)
    if bounds is None:
        raise Refusal("bounds that are computed at run time are not supported")
    source, target = emit.input(step, 0), emit.output(step)
    narrow = source.dtype != np.int16 or bounds in _WIDE
    if bounds in _ACTIVATIONS and narrow and (step.integer or source.dtype.kind == "f"):
        emit.operator(_ACTIVATIONS[bounds], [source], [target])
        return
    limits = [
        (code, bound)
        for code, bound in zip(("MAXIMUM", "MINIMUM"), bounds, strict=True)
        if math.isfinite(bound)
    ]
    if not limits:
        emit.reshape(source, target)
    for index, (code, bound) in enumerate(limits):
        result = target if index == len(limits) - 1 else emit.like(target, "bounded")
        limit = emit.constant(
            f"{target.name}/{code.lower()}", _stored(bound, source), source.affine
        )
        emit.operator(code, [source, limit], [result])
        source = result


@lowering("Sigmoid", integer=fixed_output(1 / 256, -128))
def lower_sigmoid(step: Step, emit: Emitter) -> None:
    """Write a logistic function; TFLite fixes the quantization of its int8 output."""
    emit.operator("LOGISTIC", [emit.input(step, 0)], [emit.output(step)])


@lowering("Tanh", integer=fixed_output(1 / 128, 0))
def lower_tanh(step: Step, emit: Emitter) -> None:
    """Write a hyperbolic tangent; TFLite fixes the quantization of its int8 output."""
    emit.operator("TANH", [emit.input(step, 0)], [emit.output(step)])


@lowering("HardSwish", integer=any_scale)
def lower_hard_swish(step: Step, emit: Emitter) -> None:
    """Write ``x * relu6(x + 3) / 6``."""
    emit.operator("HARD_SWISH", [emit.input(step, 0)], [emit.output(step)])


@lowering("LeakyRelu", integer=any_scale)
def lower_leaky_relu(step: Step, emit: Emitter) -> None:
    """Write a rectifier with a slope for negative values."""
    slope = float_attribute(step.node, "alpha", 0.01)
    emit.operator("LEAKY_RELU", [emit.input(step, 0)], [emit.output(step)], alpha=slope)
