"""Operators that work element by element, with broadcasting."""

import math

import onnx_ir as ir

from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite_import.activation import activated, clipped
from edgeml_converters.tflite_import.emitter import Emitter
from edgeml_converters.tflite_import.layout import AGNOSTIC, FILE, Ports
from edgeml_converters.tflite_import.order import Order
from edgeml_converters.tflite_import.registry import importing
from edgeml_converters.tflite_import.step import Step

_UNARY = {
    "ABS": "Abs",
    "CEIL": "Ceil",
    "COS": "Cos",
    "ELU": "Elu",
    "EXP": "Exp",
    "FLOOR": "Floor",
    "HARD_SWISH": "HardSwish",
    "LOG": "Log",
    "LOGICAL_NOT": "Not",
    "LOGISTIC": "Sigmoid",
    "NEG": "Neg",
    "RELU": "Relu",
    "ROUND": "Round",
    "SIGN": "Sign",
    "SIN": "Sin",
    "SQRT": "Sqrt",
    "TANH": "Tanh",
}
_BINARY = {
    "ADD": "Add",
    "DIV": "Div",
    "EQUAL": "Equal",
    "GREATER": "Greater",
    "GREATER_EQUAL": "GreaterOrEqual",
    "LESS": "Less",
    "LESS_EQUAL": "LessOrEqual",
    "LOGICAL_AND": "And",
    "LOGICAL_OR": "Or",
    "MAXIMUM": "Max",
    "MINIMUM": "Min",
    "MUL": "Mul",
    "POW": "Pow",
    "PRELU": "PRelu",
    "SUB": "Sub",
}
_BOUNDED = {
    "RELU6": (0.0, 6.0),
    "RELU_0_TO_1": (0.0, 1.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
}


def elementwise_ports(step: Step) -> Ports:
    """Either order, if every computed operand has all axes of the result (or one element)."""
    rank = len(step.output.shape)
    fits = all(
        len(tensor.shape) == rank or math.prod(tensor.shape) == 1
        for tensor in step.computed_inputs()
    )
    return AGNOSTIC if fits else FILE


def _operands(step: Step, emit: Emitter) -> list[ir.Value]:
    rank = len(step.output.shape)
    return [emit.operand(step, index, rank) for index in range(len(step.operator.inputs))]


@importing(*_UNARY, ports=AGNOSTIC)
def raise_unary(step: Step, emit: Emitter) -> None:
    """Add the operator of the same meaning."""
    emit.output(step, emit.node(_UNARY[step.operator.code], emit.input(step)))


@importing(*_BINARY, ports=elementwise_ports)
def raise_binary(step: Step, emit: Emitter) -> None:
    """Add the operator of the same meaning and what follows it."""
    if step.operator.code == "DIV" and step.output.dtype.kind == "i":
        raise Refusal("integer division rounds in another way than ONNX's")
    made = emit.node(_BINARY[step.operator.code], *_operands(step, emit))
    emit.output(step, activated(step, emit, made))


@importing("NOT_EQUAL", ports=elementwise_ports)
def raise_not_equal(step: Step, emit: Emitter) -> None:
    """Add Equal and Not."""
    emit.output(step, emit.node("Not", emit.node("Equal", *_operands(step, emit))))


@importing("SQUARED_DIFFERENCE", ports=elementwise_ports)
def raise_squared_difference(step: Step, emit: Emitter) -> None:
    """Add a Sub, multiplied by itself."""
    difference = emit.node("Sub", *_operands(step, emit))
    emit.output(step, emit.node("Mul", difference, difference))


@importing("FLOOR_DIV", "FLOOR_MOD", ports=elementwise_ports)
def raise_floor(step: Step, emit: Emitter) -> None:
    """Add Floor of the quotient of real numbers, or the rest that it leaves."""
    if step.output.dtype.kind == "i":
        if step.operator.code == "FLOOR_DIV":
            raise Refusal("integer division rounds in another way than ONNX's")
        emit.output(step, emit.node("Mod", *_operands(step, emit)))  # the divisor's sign, in both
        return
    dividend, divisor = _operands(step, emit)
    floor = emit.node("Floor", emit.node("Div", dividend, divisor))
    if step.operator.code == "FLOOR_MOD":
        floor = emit.node("Sub", dividend, emit.node("Mul", floor, divisor))
    emit.output(step, floor)


@importing("SQUARE", ports=AGNOSTIC)
def raise_square(step: Step, emit: Emitter) -> None:
    """Add a Mul by itself."""
    source = emit.input(step)
    emit.output(step, emit.node("Mul", source, source))


@importing("RSQRT", ports=AGNOSTIC)
def raise_rsqrt(step: Step, emit: Emitter) -> None:
    """Add the reciprocal of a Sqrt."""
    emit.output(step, emit.node("Reciprocal", emit.node("Sqrt", emit.input(step))))


@importing(*_BOUNDED, ports=AGNOSTIC)
def raise_bounded(step: Step, emit: Emitter) -> None:
    """Add a Clip."""
    emit.output(step, clipped(emit, emit.input(step), *_BOUNDED[step.operator.code]))


@importing("LEAKY_RELU", ports=AGNOSTIC)
def raise_leaky_relu(step: Step, emit: Emitter) -> None:
    """Add a LeakyRelu."""
    alpha = float(str(step.option("alpha", 0.0)))
    emit.output(step, emit.node("LeakyRelu", emit.input(step), alpha=alpha))


@importing("GELU", ports=AGNOSTIC)
def raise_gelu(step: Step, emit: Emitter) -> None:
    """Add x/2 (1 + erf(x/sqrt 2)), or its approximation by tanh (Hendrycks and Gimpel, 2016)."""
    source = emit.input(step)
    if step.flag("approximate"):
        cube = emit.node("Mul", emit.node("Mul", source, source), source)
        inner = emit.node("Add", source, emit.node("Mul", cube, emit.number(0.044715)))
        curve = emit.node("Tanh", emit.node("Mul", inner, emit.number(math.sqrt(2 / math.pi))))
    else:
        curve = emit.node("Erf", emit.node("Mul", source, emit.number(math.sqrt(0.5))))
    share = emit.node("Mul", emit.node("Add", curve, emit.number(1.0)), emit.number(0.5))
    emit.output(step, emit.node("Mul", source, share))


@importing("SELECT_V2", ports=elementwise_ports)
def raise_select(step: Step, emit: Emitter) -> None:
    """Add a Where."""
    emit.output(step, emit.node("Where", *_operands(step, emit)))


@importing("SELECT")
def raise_old_select(step: Step, emit: Emitter) -> None:
    """Add a Where; a condition of rank 1 chooses whole rows."""
    condition = emit.input(step, 0, Order.FILE)
    rank = len(step.output.shape)
    if len(step.input().shape) == 1 and rank > 1:
        condition = emit.reshaped(condition, (step.input().shape[0], *[1] * (rank - 1)))
    emit.output(step, emit.node("Where", condition, emit.input(step, 1), emit.input(step, 2)))


@importing("CAST", ports=AGNOSTIC)
def raise_cast(step: Step, emit: Emitter) -> None:
    """Add a Cast of the stored numbers: TFLite's does not look at scales."""
    source = emit.stored(step.input(), emit.layout.reads[step])
    wanted = ir.DataType.from_numpy(step.output.dtype)
    emit.output(step, emit.node("Cast", source, to=int(wanted)))
