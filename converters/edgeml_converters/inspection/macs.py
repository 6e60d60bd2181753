"""Multiply-accumulates (MACs) of an operator from the sizes of its tensors.

A formula a kind of operator; an operator without one does no sums of products worth counting
(element-wise arithmetic, pooling and moves are left out, as published MAC counts do). A bias is not
counted. One MAC is one multiplication and one addition: two FLOPs.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edgeml_converters.inspection.network import Network, Operator

Shape = tuple[int, ...]
_BYTE_BITS = 8
Formula = Callable[[Operator], int]


@dataclass(frozen=True)
class ModelOperator:
    """One operator of a model file.

    Args:
        type: Its name in the format.
        name: As the file calls it: the node, or else the tensor that it writes first.
        multiplies: Whether it is of a type that does sums of products worth counting.
        macs: Of one inference at batch 1; None when a size is not known.
        integer: Whether what it writes has elements of a byte.
    """

    type: str
    name: str
    multiplies: bool
    macs: int | None
    integer: bool


class SizeUnknownError(Exception):
    """A tensor whose size the file does not give."""


def _shape(operator: Operator, position: int) -> Shape:
    tensor = operator.inputs[position] if position < len(operator.inputs) else None
    if tensor is None or tensor.shape is None:
        raise SizeUnknownError(operator.type)
    return tensor.shape


def _output(operator: Operator) -> Shape:
    if not operator.outputs or operator.outputs[0].shape is None:
        raise SizeUnknownError(operator.type)
    return operator.outputs[0].shape


def _per_output(weights: int, axes: slice) -> Formula:
    """Each output element sums over the weights' axes *axes*."""

    def formula(operator: Operator) -> int:
        return math.prod(_output(operator)) * math.prod(_shape(operator, weights)[axes])

    return formula


def _per_input(data: int, weights: int, axes: slice) -> Formula:
    """Each input element is multiplied by the weights' axes *axes* (transposed convolution)."""

    def formula(operator: Operator) -> int:
        return math.prod(_shape(operator, data)) * math.prod(_shape(operator, weights)[axes])

    return formula


def _matrix_product(operator: Operator) -> int:
    # (..., M, K) x (..., K, N): K is what A has besides its rows, whether transposed or not.
    first, output = _shape(operator, 0), _output(operator)
    rows = output[-2] if len(output) >= 2 and len(first) >= 2 else 1
    depth = math.prod(first[-2:]) // max(rows, 1)
    return math.prod(output) * depth


def _linear_product(operator: Operator) -> int:
    # (..., M, K) x (..., K, N), or either one a vector of K
    return math.prod(_output(operator)) * _shape(operator, 0)[-1]


def _recurrent(operator: Operator) -> int:
    # X (steps, batch, in), W (directions, gates * hidden, in), R (..., gates * hidden, hidden)
    steps, batch = _shape(operator, 0)[:2]
    return steps * batch * (math.prod(_shape(operator, 1)) + math.prod(_shape(operator, 2)))


ONNX_MACS: Mapping[str, Formula] = {
    "Conv": _per_output(1, slice(1, None)),  # weights (M, C/group, kernel...)
    "ConvInteger": _per_output(1, slice(1, None)),
    "QLinearConv": _per_output(3, slice(1, None)),
    "ConvTranspose": _per_input(0, 1, slice(1, None)),  # weights (C, M/group, kernel...)
    "Gemm": _matrix_product,
    "MatMul": _linear_product,
    "MatMulInteger": _linear_product,
    "QLinearMatMul": _linear_product,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "RNN": _recurrent,
}
ONNX_UNCOUNTED = frozenset({"Attention", "DeformConv", "Einsum", "MultiHeadAttention"})
"""Operators that multiply and add, but have no formula here."""

TFLITE_MACS: Mapping[str, Formula] = {
    "CONV_2D": _per_output(1, slice(1, None)),  # weights (O, H, W, I)
    "DEPTHWISE_CONV_2D": _per_output(1, slice(1, 3)),  # weights (1, H, W, O)
    "CONV_3D": _per_output(1, slice(0, 4)),  # weights (D, H, W, I, O)
    "TRANSPOSE_CONV": _per_input(2, 1, slice(0, 3)),  # (shape, weights (O, H, W, I), data)
    "FULLY_CONNECTED": _per_output(1, slice(1, None)),  # weights (O, I)
    "BATCH_MATMUL": _matrix_product,
}
TFLITE_UNCOUNTED = frozenset(
    {
        "BIDIRECTIONAL_SEQUENCE_LSTM",
        "BIDIRECTIONAL_SEQUENCE_RNN",
        "CONV_3D_TRANSPOSE",
        "LSTM",
        "RNN",
        "SVDF",
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        "UNIDIRECTIONAL_SEQUENCE_RNN",
    }
)


def count_macs(
    network: Network, formulas: Mapping[str, Formula]
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return the MACs by operator type, and the types of which a size is not known."""
    counts: dict[str, int] = {}
    unknown = set()
    for operator in operator_macs(network, formulas):
        if operator.macs is None:
            unknown.add(operator.type)
        elif operator.multiplies:
            counts[operator.type] = counts.get(operator.type, 0) + operator.macs
    return counts, tuple(sorted(unknown))


def operator_macs(network: Network, formulas: Mapping[str, Formula]) -> tuple[ModelOperator, ...]:
    """Return the MACs operator by operator, in the order of the file."""
    return tuple(
        ModelOperator(
            type=entry.type,
            name=entry.name,
            multiplies=entry.type in formulas,
            macs=_macs(entry, formulas),
            integer=bool(entry.outputs) and entry.outputs[0].item_bits == _BYTE_BITS,
        )
        for entry in network.operators
    )


def _macs(operator: Operator, formulas: Mapping[str, Formula]) -> int | None:
    formula = formulas.get(operator.type)
    if formula is None:
        return 0
    try:
        return formula(operator)
    except SizeUnknownError:
        return None
