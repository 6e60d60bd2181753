"""HardSigmoid, which TFLite lacks: a line that is cut off at both ends."""

import numpy as np

from edgeml_converters.graph.attributes import float_attribute
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.formula import Formula
from edgeml_converters.tflite.program import Affine, Tensor
from edgeml_converters.tflite.registry import lowering
from edgeml_converters.tflite.step import Step, any_scale


def _line(step: Step) -> tuple[float, float]:
    """Return the slope of a HardSigmoid and its value at zero."""
    slope = float_attribute(step.node, "alpha", 0.2)
    return slope, float_attribute(step.node, "beta", 0.5)


def _line_rule(step: Step) -> Affine | None:
    """Scales are positive, and so is what a line can be made of in integers."""
    return any_scale(step) if min(_line(step)) > 0 else None


@lowering("HardSigmoid", integer=_line_rule)
def lower_hard_sigmoid(step: Step, emit: Emitter) -> None:
    """Write a line that is cut off at 0 and 1."""
    alpha, beta = _line(step)
    if step.integer:
        _write_line(emit, emit.input(step, 0), emit.output(step), alpha, beta)
        return
    with Formula.floating(emit, emit.input(step, 0), emit.output(step)) as (f, x):
        line = f.make("ADD", f.make("MUL", x, f.number(alpha)), f.number(beta))
        f.into("MINIMUM", f.make("RELU", line), f.number(1))


def _write_line(emit: Emitter, source: Tensor, target: Tensor, alpha: float, beta: float) -> None:
    """Write ``alpha * x + beta`` between 0 and 1 in integers, rounded once, by the addition.

    The product has the integers of its input, at a scale that is *alpha* times as large.
    """
    assert source.affine is not None
    assert target.affine is not None
    scaled = emit.like(source, "scaled")
    widened = float(np.float32(alpha * source.affine.scale[0]))
    scaled.affine = Affine((widened,), source.affine.zero_point)
    factor, offset = (_whole_number(emit, target, value) for value in (alpha, beta))
    emit.operator("MUL", [source, factor], [scaled], fused_activation_function="NONE")
    scale, zero_point = target.affine.scale[0], target.affine.zero_point[0]
    limits = [
        (code, bound)
        for code, bound, end in (("MAXIMUM", 0.0, -128), ("MINIMUM", 1.0, 127))
        if abs((end - zero_point) * scale) > bound + scale / 2
    ]
    result = emit.like(target, "line") if limits else target
    emit.operator("ADD", [scaled, offset], [result], fused_activation_function="NONE")
    for index, (code, bound) in enumerate(limits):
        step = np.array(round(bound / scale) + zero_point, np.int8)
        limit = emit.constant(f"{target.name}/{code.lower()}", step, target.affine)
        bounded = target if index == len(limits) - 1 else emit.like(target, "bounded")
        emit.operator(code, [result, limit], [bounded])
        result = bounded


def _whole_number(emit: Emitter, target: Tensor, value: float) -> Tensor:
    """Return a positive number as the largest integer, at the scale that makes it exact."""
    affine = Affine((float(np.float32(value / 127)),), (0,))
    return emit.constant(f"{target.name}/number", np.array(127, np.int8), affine)
