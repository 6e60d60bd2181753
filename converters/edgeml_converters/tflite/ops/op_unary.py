"""Functions of one element: those that TFLite has, and those that are made of them."""

from collections.abc import Callable

import numpy as np

from edgeml_converters.graph.attributes import float_attribute, int_attribute, string_attribute
from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.formula import Formula
from edgeml_converters.tflite.program import Tensor
from edgeml_converters.tflite.registry import lowering
from edgeml_converters.tflite.step import Step, any_scale

_CODES = {
    "Abs": "ABS",
    "Ceil": "CEIL",
    "Cos": "COS",
    "Exp": "EXP",
    "Floor": "FLOOR",
    "Log": "LOG",
    "Neg": "NEG",
    "Not": "LOGICAL_NOT",
    "Round": "ROUND",
    "Sign": "SIGN",
    "Sin": "SIN",
    "Sqrt": "SQRT",
}
# Coefficients of the error function: M. Abramowitz and I. Stegun, Handbook of Mathematical
# Functions, 7.1.26; the error is at most 1.5e-7.
_ERF_P = 0.3275911
_ERF_A = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)


@lowering(*(op_type for op_type in _CODES if op_type not in {"Abs", "Neg", "Sign"}))
def lower_unary(step: Step, emit: Emitter) -> None:
    """Write a function that TFLite has as well."""
    emit.operator(_CODES[step.node.op_type], [emit.input(step, 0)], [emit.output(step)])


@lowering("Abs", "Neg", "Sign")
def lower_signs(step: Step, emit: Emitter) -> None:
    """Write a function of the sign; of integers TFLite has only the negative."""
    source, target = emit.input(step, 0), emit.output(step)
    if source.dtype.kind == "f" or step.node.op_type == "Neg":
        emit.operator(_CODES[step.node.op_type], [source], [target])
        return
    if source.dtype.kind == "u":
        bound = np.array(1, source.dtype)
        if step.node.op_type == "Abs":
            emit.reshape(source, target)
        else:
            emit.operator("MINIMUM", [source, emit.constant(f"{target.name}/one", bound)], [target])
        return
    f = Formula(emit, target)
    if step.node.op_type == "Abs":
        f.into("MAXIMUM", source, f.make("NEG", source))
        return
    one = f.number(1, source.dtype)
    f.into("MAXIMUM", f.make("MINIMUM", source, one), f.make("NEG", one))


def _reciprocal(f: Formula, x: Tensor) -> None:
    f.into("DIV", f.number(1), x)


def _tan(f: Formula, x: Tensor) -> None:
    f.into("DIV", f.make("SIN", x), f.make("COS", x))


def _atan(f: Formula, x: Tensor) -> None:
    f.into("ATAN2", x, f.filled(x, 1))


def _cosine_of_asin(f: Formula, x: Tensor) -> Tensor:
    return f.make(
        "SQRT", f.make("MUL", f.make("SUB", f.number(1), x), f.make("ADD", x, f.number(1)))
    )


def _asin(f: Formula, x: Tensor) -> None:
    f.into("ATAN2", x, _cosine_of_asin(f, x))


def _acos(f: Formula, x: Tensor) -> None:
    f.into("ATAN2", _cosine_of_asin(f, x), x)


def _sinh(f: Formula, x: Tensor) -> None:
    exp = f.make("EXP", x)
    f.into("MUL", f.make("SUB", exp, f.make("DIV", f.number(1), exp)), f.number(0.5))


def _cosh(f: Formula, x: Tensor) -> None:
    exp = f.make("EXP", x)
    f.into("MUL", f.make("ADD", exp, f.make("DIV", f.number(1), exp)), f.number(0.5))


def _asinh(f: Formula, x: Tensor) -> None:
    # By the magnitude, as the sum cancels for large negative numbers.
    size = f.make("ABS", x)
    root = f.make("SQRT", f.make("ADD", f.make("SQUARE", x), f.number(1)))
    f.into("MUL", f.make("LOG", f.make("ADD", size, root)), f.make("SIGN", x))


def _acosh(f: Formula, x: Tensor) -> None:
    root = f.make("SQRT", f.make("SUB", f.make("SQUARE", x), f.number(1)))
    f.into("LOG", f.make("ADD", x, root))


def _atanh(f: Formula, x: Tensor) -> None:
    ratio = f.make("DIV", f.make("ADD", x, f.number(1)), f.make("SUB", f.number(1), x))
    f.into("MUL", f.make("LOG", ratio), f.number(0.5))


def _erf(f: Formula, x: Tensor) -> None:
    size = f.make("ABS", x)
    t = f.make(
        "DIV", f.number(1), f.make("ADD", f.make("MUL", size, f.number(_ERF_P)), f.number(1))
    )
    series = f.make("MUL", t, f.number(_ERF_A[-1]))
    for coefficient in reversed(_ERF_A[:-1]):
        series = f.make("MUL", f.make("ADD", series, f.number(coefficient)), t)
    decay = f.make("EXP", f.make("NEG", f.make("SQUARE", x)))
    rest = f.make("SUB", f.number(1), f.make("MUL", series, decay))
    f.into("MUL", rest, f.make("SIGN", x))


def _softplus(f: Formula, x: Tensor) -> None:
    # max(x, 0) + log(1 + exp(-|x|)) does not overflow.
    decay = f.make("EXP", f.make("NEG", f.make("ABS", x)))
    f.into("ADD", f.make("RELU", x), f.make("LOG", f.make("ADD", decay, f.number(1))))


def _softsign(f: Formula, x: Tensor) -> None:
    f.into("DIV", x, f.make("ADD", f.make("ABS", x), f.number(1)))


def _mish(f: Formula, x: Tensor) -> None:
    # tanh(log(1 + e)) = (e^2 + 2 e) / (e^2 + 2 e + 2); beyond 20 it is 1 in float32.
    exp = f.make("EXP", f.make("MINIMUM", x, f.number(20)))
    power = f.make("MUL", exp, f.make("ADD", exp, f.number(2)))
    f.into("MUL", x, f.make("DIV", power, f.make("ADD", power, f.number(2))))


_FORMULAS: dict[str, Callable[[Formula, Tensor], None]] = {
    "Acos": _acos,
    "Acosh": _acosh,
    "Asin": _asin,
    "Asinh": _asinh,
    "Atan": _atan,
    "Atanh": _atanh,
    "Cosh": _cosh,
    "Erf": _erf,
    "Mish": _mish,
    "Reciprocal": _reciprocal,
    "Sinh": _sinh,
    "Softplus": _softplus,
    "Softsign": _softsign,
    "Tan": _tan,
}


@lowering(*_FORMULAS)
def lower_formula(step: Step, emit: Emitter) -> None:
    """Write a function as the operators that it is made of."""
    with Formula.floating(emit, emit.input(step, 0), emit.output(step)) as (f, source):
        _FORMULAS[step.node.op_type](f, source)


@lowering("Elu", "Selu", "Celu")
def lower_elu(step: Step, emit: Emitter) -> None:
    """Write an exponential rectifier; TFLite's own has no slope."""
    kind = step.node.op_type
    alpha = float_attribute(
        step.node, "alpha", 1.67326319217681884765625 if kind == "Selu" else 1.0
    )
    gamma = (
        float_attribute(step.node, "gamma", 1.05070102214813232421875) if kind == "Selu" else 1.0
    )
    with Formula.floating(emit, emit.input(step, 0), emit.output(step)) as (f, x):
        if alpha == gamma == 1.0:
            f.into("ELU", x)
            return
        inner = f.make("MUL", x, f.number(1 / alpha)) if kind == "Celu" else x
        below = f.make("ELU", f.make("MINIMUM", inner, f.number(0)))
        below = f.make("MUL", below, f.number(alpha * gamma))
        above = f.make("RELU", x)
        f.into("ADD", above if gamma == 1.0 else f.make("MUL", above, f.number(gamma)), below)


@lowering("Gelu", integer=any_scale)
def lower_gelu(step: Step, emit: Emitter) -> None:
    """Write the Gaussian error unit, exact or by tanh, as TFLite has both."""
    approximate = string_attribute(step.node, "approximate", "none") == "tanh"
    emit.operator("GELU", [emit.input(step, 0)], [emit.output(step)], approximate=approximate)


@lowering("ThresholdedRelu", "Shrink")
def lower_threshold(step: Step, emit: Emitter) -> None:
    """Write what keeps elements beyond a threshold and makes the others zero."""
    with Formula.floating(emit, emit.input(step, 0), emit.output(step)) as (f, x):
        if step.node.op_type == "ThresholdedRelu":
            alpha = float_attribute(step.node, "alpha", 1.0)
            f.into("SELECT_V2", f.test("GREATER", x, f.number(alpha)), x, f.number(0))
            return
        bound = float_attribute(step.node, "lambd", 0.5)
        bias = float_attribute(step.node, "bias", 0.0)
        below = f.test("LESS", x, f.number(-bound))
        above = f.test("GREATER", x, f.number(bound))
        raised, lowered = (f.make(code, x, f.number(bias)) for code in ("ADD", "SUB"))
        rest = f.make("SELECT_V2", above, lowered, f.filled(x, 0))
        f.into("SELECT_V2", below, raised, rest)


@lowering("Swish")
def lower_swish(step: Step, emit: Emitter) -> None:
    """Write ``x * sigmoid(alpha * x)``."""
    alpha = float_attribute(step.node, "alpha", 1.0)
    with Formula.floating(emit, emit.input(step, 0), emit.output(step)) as (f, x):
        inner = x if alpha == 1.0 else f.make("MUL", x, f.number(alpha))
        f.into("MUL", x, f.make("LOGISTIC", inner))


@lowering("IsNaN", "IsInf")
def lower_is_special(step: Step, emit: Emitter) -> None:
    """Write a test for what is no number, or no finite one."""
    source, target = emit.input(step, 0), emit.output(step)
    f = Formula(emit, target)
    if step.node.op_type == "IsNaN":
        f.into("NOT_EQUAL", source, source)
        return
    signs = [
        sign
        for name, sign in (("detect_positive", 1.0), ("detect_negative", -1.0))
        if int_attribute(step.node, name, 1)
    ]
    if not signs:
        raise Refusal("a test for no infinity at all is not supported")
    # An infinity that was computed may be the largest finite number: see op_comparison.
    largest = float(np.finfo(source.dtype).max)
    tests = [
        ("GREATER_EQUAL" if sign > 0 else "LESS_EQUAL", f.number(sign * largest, source.dtype))
        for sign in signs
    ]
    if len(tests) == 1:
        f.into(tests[0][0], source, tests[0][1])
    else:
        f.into("LOGICAL_OR", *(f.test(code, source, bound) for code, bound in tests))
