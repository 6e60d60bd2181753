"""How the operators of ONNX are written for NumPy."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.attributes import (
    axes,
    clip_bounds,
    constant_input,
    float_attribute,
    input_value,
    int_attribute,
    ints_attribute,
    opset,
)
from edgeml_converters.numpy_program.program import NoFormError, Program

Translation = Callable[[ir.Node, Program], None]

_FUNCTIONS: Final = {
    "Abs": "abs",
    "And": "logical_and",
    "Equal": "equal",
    "Exp": "exp",
    "Greater": "greater",
    "GreaterOrEqual": "greater_equal",
    "IsNaN": "isnan",
    "Less": "less",
    "Log": "log",
    "LessOrEqual": "less_equal",
    "MatMul": "matmul",
    "Mul": "multiply",
    "Neg": "negative",
    "Not": "logical_not",
    "Or": "logical_or",
    "Sqrt": "sqrt",
    "Sub": "subtract",
    "Tanh": "tanh",
    "Where": "where",
}
_CHAINED: Final = {"Add": "add", "Max": "maximum", "Min": "minimum", "Sum": "add"}
_REDUCTIONS: Final = {
    "ReduceMax": "max",
    "ReduceMean": "mean",
    "ReduceMin": "min",
    "ReduceProd": "prod",
    **dict.fromkeys(("ReduceL1", "ReduceL2", "ReduceSum", "ReduceSumSquare"), "sum"),
}


def dtype_of(value: ir.Value | None) -> np.dtype:
    """Return the element type of a value.

    Raises:
        NoFormError: It is not known.
    """
    if value is None or value.dtype is None:
        raise NoFormError("the type of its values is not known")
    return value.dtype.numpy()


def float_dtype(node: ir.Node, index: int = 0) -> np.dtype:
    """Return the element type of an input that is float32 or float64.

    Raises:
        NoFormError: It is another.
    """
    dtype = dtype_of(node.inputs[index])
    if dtype not in (np.float32, np.float64):
        raise NoFormError(f"it works on {dtype.name}")
    return dtype


def reads(node: ir.Node, program: Program) -> list[str]:
    """Return the names of all inputs of a node.

    Raises:
        NoFormError: One is left out.
    """
    values = [value for value in node.inputs if value is not None]
    if len(values) != len(node.inputs):
        raise NoFormError("one of its inputs is left out")
    return [program.value(value) for value in values]


def made(node: ir.Node) -> str:
    """Return the name of the first output of a node."""
    return node.outputs[0].name or ""


def rank_of(value: ir.Value | None) -> int:
    """Return the number of axes of a value.

    Raises:
        NoFormError: It is not known.
    """
    if value is None or value.shape is None:
        raise NoFormError("the number of its axes is not known")
    return len(value.shape)


def sigmoid(program: Program, value: str, dtype: np.dtype, out: str | None = None) -> str:
    """Add the steps of 1 / (1 + exp(-value)) and return the name of the last one."""
    one = np.array(1, dtype)
    powers = program.step("exp", program.step("negative", value))
    return program.step("divide", one, program.step("add", one, powers), out=out)


def softmax(program: Program, value: str, axis: int, out: str | None = None) -> str:
    """Add the steps of exp(value) over its sum, of values whose largest is 0."""
    top = program.step("max", value, axis=axis, keepdims=True)
    powers = program.step("exp", program.step("subtract", value, top))
    total = program.step("sum", powers, axis=axis, keepdims=True)
    return program.step("divide", powers, total, out=out)


def _function(node: ir.Node, program: Program) -> None:
    program.step(_FUNCTIONS[node.op_type], *reads(node, program), out=made(node))


def _chain(node: ir.Node, program: Program) -> None:
    first, *others = reads(node, program)
    for other in others[:-1]:
        first = program.step(_CHAINED[node.op_type], first, other)
    if others:
        program.step(_CHAINED[node.op_type], first, others[-1], out=made(node))
    else:
        program.alias(first, made(node))


def _sigmoid(node: ir.Node, program: Program) -> None:
    sigmoid(program, reads(node, program)[0], float_dtype(node), made(node))


def _divide(node: ir.Node, program: Program) -> None:
    float_dtype(node)
    program.step("divide", *reads(node, program), out=made(node))


def _power(node: ir.Node, program: Program) -> None:
    dtype, (base, exponent) = float_dtype(node), reads(node, program)
    if dtype_of(node.inputs[1]) != dtype:
        exponent = program.step("array", exponent, dtype=dtype.name)
    program.step("power", base, exponent, out=made(node))


def _identity(node: ir.Node, program: Program) -> None:
    program.alias(reads(node, program)[0], made(node))


def _relu(node: ir.Node, program: Program) -> None:
    zero = np.zeros((), dtype_of(node.inputs[0]))
    program.step("maximum", reads(node, program)[0], zero, out=made(node))


def _clip(node: ir.Node, program: Program) -> None:
    bounds = clip_bounds(node)
    if bounds is None or node.inputs[0] is None:
        raise NoFormError("its bounds are not known before it runs")
    low, high = (np.array(bound, float_dtype(node)) for bound in bounds)
    raised = program.step("maximum", program.value(node.inputs[0]), low)
    program.step("minimum", raised, high, out=made(node))


def _cast(node: ir.Node, program: Program) -> None:
    to = ir.DataType(int_attribute(node, "to", 0)).numpy()
    if to.kind not in "fiub" or to == np.float16:
        raise NoFormError(f"it makes {to.name}")
    program.step("array", *reads(node, program), out=made(node), dtype=to.name)


def _gemm(node: ir.Node, program: Program) -> None:
    dtype, names = float_dtype(node), reads(node, program)
    sides = []
    for name, attribute in zip(names[:2], ("transA", "transB"), strict=True):
        turned = int_attribute(node, attribute, 0) == 1
        sides.append(program.step("transpose", name, axes=[1, 0]) if turned else name)
    alpha, beta = (float_attribute(node, name, 1.0) for name in ("alpha", "beta"))
    result, added = program.step("matmul", *sides), names[2:]
    if alpha != 1.0:
        result = program.step("multiply", result, np.array(alpha, dtype))
    if added and beta != 1.0:
        added = [program.step("multiply", added[0], np.array(beta, dtype))]
    if added:
        program.step("add", result, added[0], out=made(node))
    else:
        program.alias(result, made(node))


def _softmax(node: ir.Node, program: Program) -> None:
    rank = rank_of(node.inputs[0])
    axis = int_attribute(node, "axis", -1 if opset(node) >= 13 else 1) % rank
    if opset(node) < 13 and axis != rank - 1:
        raise NoFormError("it works on several axes at once")
    softmax(program, reads(node, program)[0], axis, made(node))


def _best(node: ir.Node, program: Program) -> None:
    if int_attribute(node, "select_last_index", 0):
        raise NoFormError("it takes the last of equal values")
    axis, keeps = int_attribute(node, "axis", 0), int_attribute(node, "keepdims", 1) == 1
    out = made(node)
    found = program.step(
        node.op_type.lower(), *reads(node, program), out=None if keeps else out, axis=axis
    )
    if keeps:
        axis %= rank_of(node.inputs[0])
        program.step("expand_dims", found, out=out, axis=axis)


def _reduce(node: ir.Node, program: Program) -> None:
    source = node.inputs[0]
    if source is None or (input_value(node, 1) is not None and constant_input(node, 1) is None):
        raise NoFormError("its axes are not known before it runs")
    if axes(node) is None and int_attribute(node, "noop_with_empty_axes", 0):
        raise NoFormError("it reduces no axis")
    over = [int(axis) for axis in axes(node) or range(rank_of(source))]
    keepdims = int_attribute(node, "keepdims", 1) == 1
    float_dtype(node)
    found, kind = program.value(source), node.op_type
    if kind == "ReduceLogSumExp":
        _log_sum_exp(program, found, over, keepdims=keepdims, out=made(node))
        return
    if kind == "ReduceL1":
        found = program.step("abs", found)
    elif kind in {"ReduceL2", "ReduceSumSquare"}:
        found = program.step("multiply", found, found)
    last = None if kind == "ReduceL2" else made(node)
    found = program.step(_REDUCTIONS[kind], found, out=last, axis=over, keepdims=keepdims)
    if kind == "ReduceL2":
        program.step("sqrt", found, out=made(node))


def _log_sum_exp(
    program: Program, value: str, over: list[int], *, keepdims: bool, out: str
) -> None:
    top = program.step("max", value, axis=over, keepdims=True)
    powers = program.step("exp", program.step("subtract", value, top))
    total = program.step("log", program.step("sum", powers, axis=over, keepdims=True))
    found = program.step("add", total, top, out=out if keepdims else None)
    if not keepdims:
        program.step("squeeze", found, out=out, axis=over)


def _reshape(node: ir.Node, program: Program) -> None:
    if int_attribute(node, "allowzero", 0):
        raise NoFormError("it makes arrays of no elements")
    program.step("reshape", *reads(node, program), out=made(node))


def _flatten(node: ir.Node, program: Program) -> None:
    shape = {0: [1, -1], 1: [0, -1]}.get(int_attribute(node, "axis", 1))
    if shape is None:
        raise NoFormError("it keeps several axes")
    program.step("reshape", *reads(node, program), np.array(shape), out=made(node))


def _axes_step(node: ir.Node, program: Program) -> None:
    over, source = axes(node), node.inputs[0]
    if over is None or source is None:
        raise NoFormError("its axes are not known before it runs")
    op = {"Squeeze": "squeeze", "Unsqueeze": "expand_dims"}[node.op_type]
    program.step(op, program.value(source), out=made(node), axis=list(over))


def _transpose(node: ir.Node, program: Program) -> None:
    perm = ints_attribute(node, "perm") or tuple(reversed(range(rank_of(node.inputs[0]))))
    program.step("transpose", *reads(node, program), out=made(node), axes=list(perm))


def _concat(node: ir.Node, program: Program) -> None:
    axis = int_attribute(node, "axis", 0)
    program.step("concatenate", *reads(node, program), out=made(node), axis=axis)


def _gather(node: ir.Node, program: Program) -> None:
    axis = int_attribute(node, "axis", 0)
    program.step("take", *reads(node, program), out=made(node), axis=axis)


def _shape(node: ir.Node, program: Program) -> None:
    if "start" in node.attributes or "end" in node.attributes:
        raise NoFormError("it gives a part of a shape")
    program.step("shape", *reads(node, program), out=made(node))


def _constant_of_shape(node: ir.Node, program: Program) -> None:
    given = node.attributes.get("value")
    value = np.zeros(1, np.float32) if given is None else given.as_tensor().numpy()
    number, dtype = value.ravel()[0].item(), value.dtype.name
    program.step("full", *reads(node, program), out=made(node), fill_value=number, dtype=dtype)


OPERATORS: Final[Mapping[str, Translation]] = {
    **dict.fromkeys(_FUNCTIONS, _function),
    **dict.fromkeys(_CHAINED, _chain),
    **dict.fromkeys((*_REDUCTIONS, "ReduceLogSumExp"), _reduce),
    "ArgMax": _best,
    "ArgMin": _best,
    "Cast": _cast,
    "Clip": _clip,
    "Concat": _concat,
    "ConstantOfShape": _constant_of_shape,
    "Div": _divide,
    "Flatten": _flatten,
    "Gather": _gather,
    "Gemm": _gemm,
    "Identity": _identity,
    "Pow": _power,
    "Relu": _relu,
    "Reshape": _reshape,
    "Shape": _shape,
    "Sigmoid": _sigmoid,
    "Softmax": _softmax,
    "Squeeze": _axes_step,
    "Transpose": _transpose,
    "Unsqueeze": _axes_step,
}
"""ONNX operator to what writes it."""
