"""Comparisons, logic and choice: EQUAL and the like, LOGICAL_AND and the like, SELECT_V2."""

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.attributes import int_attribute, string_attribute
from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.formula import Formula
from edgeml_converters.tflite.ops.operands import broadcast_ports, operand, operands
from edgeml_converters.tflite.program import Affine
from edgeml_converters.tflite.quantization import is_constant
from edgeml_converters.tflite.registry import lowering
from edgeml_converters.tflite.step import Step, any_scale

_UNSIGNED = (ir.DataType.UINT8, ir.DataType.UINT16, ir.DataType.UINT32, ir.DataType.UINT64)
_CODES = {
    "And": "LOGICAL_AND",
    "BitwiseXor": "BITWISE_XOR",
    "Equal": "EQUAL",
    "Greater": "GREATER",
    "GreaterOrEqual": "GREATER_EQUAL",
    "Less": "LESS",
    "LessOrEqual": "LESS_EQUAL",
    "Or": "LOGICAL_OR",
    "Xor": "NOT_EQUAL",
}


@lowering(*_CODES, ports=broadcast_ports)
def lower_comparison(step: Step, emit: Emitter) -> None:
    """Write a test of two tensors, or a combination of two tests.

    TFLite's sums and products end at the largest finite number, not at infinity: what is compared
    with infinity for equality is held against that number.
    """
    if step.node.op_type == "Equal" and _compare_infinity(step, emit):
        return
    emit.operator(_CODES[step.node.op_type], operands(step, emit), [emit.output(step)])


def _compare_infinity(step: Step, emit: Emitter) -> bool:
    sources = operands(step, emit)
    for source, other in (sources, reversed(sources)):
        bound = other.data
        if bound is None or bound.dtype.kind != "f" or bound.size != 1 or not np.isinf(bound).all():
            continue
        largest = np.finfo(bound.dtype).max
        positive = bool(bound.reshape(-1)[0] > 0)
        limit = np.full(bound.shape, largest if positive else -largest, bound.dtype)
        code = "GREATER_EQUAL" if positive else "LESS_EQUAL"
        target = emit.output(step)
        emit.operator(code, [source, emit.constant(f"{target.name}/limit", limit)], [target])
        return True
    return False


@lowering("Where", ports=broadcast_ports)
def lower_where(step: Step, emit: Emitter) -> None:
    """Write a choice between two tensors, element by element."""
    emit.operator("SELECT_V2", operands(step, emit), [emit.output(step)])


@lowering("BitwiseNot")
def lower_bitwise_not(step: Step, emit: Emitter) -> None:
    """Write an exclusive or with ones in every bit."""
    source, target = emit.input(step, 0), emit.output(step)
    ones = np.array(-1, np.int64).astype(source.dtype)
    emit.operator("BITWISE_XOR", [source, emit.constant(f"{target.name}/ones", ones)], [target])


@lowering("BitShift", ports=broadcast_ports)
def lower_shift(step: Step, emit: Emitter) -> None:
    """Write RIGHT_SHIFT; a shift to the left is a product."""
    if step.value(0).dtype not in _UNSIGNED:
        raise Refusal("shifts of signed elements have no TFLite form")
    if string_attribute(step.node, "direction", "") == "RIGHT":
        emit.operator("RIGHT_SHIFT", operands(step, emit), [emit.output(step)])
        return
    source, amount = operand(step, emit, 0), operand(step, emit, 1)
    if source.dtype.itemsize > np.dtype(np.uint32).itemsize:
        raise Refusal(f"TFLite shifts no elements of type {source.dtype} to the left")
    target = emit.output(step)
    f = Formula(emit, target)
    # Powers of two up to 2^31 are exact in float32, and so in the wider integers.
    power = f.make("POW", f.number(2), emit.cast(amount, np.dtype(np.float32)))
    product = f.make(
        "MUL",
        emit.cast(source, np.dtype(np.int64)),
        emit.cast(power, np.dtype(np.int64)),
    )
    emit.cast_into(product, target)


@lowering("Pow", ports=broadcast_ports)
def lower_power(step: Step, emit: Emitter) -> None:
    """Write a power: a square where the exponent is 2, a root where it is a half."""
    base, exponent = operand(step, emit, 0), operand(step, emit, 1)
    target = emit.output(step)
    if exponent.data is not None and exponent.data.size == 1 and base.dtype == np.float32:
        code = {2.0: "SQUARE", 0.5: "SQRT"}.get(float(exponent.data.reshape(-1)[0]))
        if code is not None and base.shape == target.shape:
            emit.operator(code, [base], [target])
            return
    if base.dtype.kind in "iu" and exponent.dtype.kind == "f":
        computed = np.dtype(np.float32)
    else:
        computed = base.dtype
    exponent = emit.cast(exponent, computed)
    if base.dtype == np.int64:
        raise Refusal("TFLite has no power of elements of type int64")
    if computed == base.dtype:
        emit.operator("POW", [base, exponent], [target])
        return
    power = Formula(emit, target).make("POW", emit.cast(base, computed), exponent)
    emit.cast_into(power, target)


@lowering("Mod", ports=broadcast_ports)
def lower_modulo(step: Step, emit: Emitter) -> None:
    """Write a remainder with the sign of the divisor, or (``fmod``) of the dividend."""
    dividend, divisor = operands(step, emit)
    target = emit.output(step)
    if not int_attribute(step.node, "fmod", 0):
        emit.operator("FLOOR_MOD", [dividend, divisor], [target])
        return
    f = Formula(emit, target)
    if dividend.dtype.kind == "f":
        # The remainder of the magnitudes, with the sign of the dividend.
        with Formula.floating(emit, dividend, target) as (g, wide):
            other = emit.cast(divisor, np.dtype(np.float32))
            rest = g.make("FLOOR_MOD", g.make("ABS", wide), g.make("ABS", other))
            g.into("MUL", rest, g.make("SIGN", wide))
        return
    if dividend.dtype.itemsize > np.dtype(np.int32).itemsize:
        raise Refusal(f"TFLite divides no elements of type {dividend.dtype}")
    wide, other = (emit.cast(t, np.dtype(np.int32)) for t in (dividend, divisor))
    whole = f.make("MUL", f.make("DIV", wide, other), other)
    if target.dtype == np.int32:
        f.into("SUB", wide, whole)
    else:
        emit.cast_into(f.make("SUB", wide, whole), target)


def _prelu_rule(step: Step) -> Affine | None:
    """PRELU rescales, and has a slope for all axes but the batch."""
    shape = step.value(1).shape
    if not is_constant(step.value(1)) or shape is None:
        return None
    return any_scale(step) if _slope_shape(shape.numpy(), len(step.output_shape)) else None


def _slope_shape(shape: tuple[int, ...], rank: int) -> tuple[int, ...] | None:
    """Return the shape of slopes without the batch; ``None`` where TFLite's operator is another."""
    if len(shape) == rank and shape[0] == 1:
        shape = shape[1:]
    shape = (1,) * (rank - 1 - len(shape)) + shape
    return shape if 0 < len(shape) == rank - 1 < _PRELU_RANK else None


@lowering("PRelu", ports=broadcast_ports, integer=_prelu_rule)
def lower_prelu(step: Step, emit: Emitter) -> None:
    """Write a rectifier whose slope for negative values is given for each channel."""
    source, slope = operands(step, emit)
    target = emit.output(step)
    shape = _slope_shape(slope.shape, len(source.shape))
    whole = step.integer or source.dtype == np.float32
    if whole and slope.data is not None and shape is not None:
        slopes = emit.constant(f"{target.name}/slope", slope.data.reshape(shape), slope.affine)
        emit.operator("PRELU", [source, slopes], [target])
        return
    with Formula.floating(emit, source, target) as (f, x):
        below = f.make("MUL", f.make("MINIMUM", x, f.number(0)), emit.cast(slope, x.dtype))
        f.into("ADD", f.make("RELU", x), below)


_PRELU_RANK = 4
