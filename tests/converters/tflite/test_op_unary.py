"""Functions of one element, over ranges that reach where they are hard."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net


_RANGES = {
    **dict.fromkeys(("Acos", "Asin"), (-0.99, 0.99)),
    "Acosh": (1.01, 9.0),
    "Atanh": (-0.95, 0.95),
    **dict.fromkeys(("Log", "Sqrt", "Reciprocal"), (0.01, 9.0)),
    "Tan": (-1.3, 1.3),
}
_FUNCTIONS = (
    *("Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Celu", "Cos", "Cosh"),
    *("Elu", "Erf", "Exp", "Floor", "HardSigmoid", "HardSwish", "Log", "Mish", "Neg"),
    *("Reciprocal", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus"),
    *("Softsign", "Sqrt", "Tan", "Tanh", "ThresholdedRelu"),
)


@pytest.mark.parametrize("op_type", _FUNCTIONS)
@pytest.mark.parametrize("shape", [(), (7,), (2, 1, 2, 1, 3)])
def test_functions(
    net: type[Net], same: Callable[..., Converted], op_type: str, shape: tuple[int, ...]
) -> None:
    graph = net(opset=18)
    y = graph.op(op_type, graph.input("x", list(shape)))
    low, high = _RANGES.get(op_type, (-8.0, 8.0))
    values = np.linspace(low, high, int(np.prod(shape))).reshape(shape).astype(np.float32)
    same(graph.model(y), {"x": values if shape else np.asarray(high, np.float32)})


@pytest.mark.parametrize("op_type", ["Abs", "Neg", "Sign"])
@pytest.mark.parametrize("dtype", ["int8", "int32", "int64"])
def test_signs_of_integers(
    net: type[Net], same: Callable[..., Converted], op_type: str, dtype: str
) -> None:
    graph = net()
    kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    y = graph.op(op_type, graph.input("x", [5], kind))
    same(graph.model(y), {"x": np.array([-7, -1, 0, 1, 9], dtype)})


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu(net: type[Net], same: Callable[..., Converted], approximate: str) -> None:
    graph = net(opset=20)
    same(graph.model(graph.op("Gelu", graph.input("x", [2, 9]), approximate=approximate)))


def test_softplus_and_elu_do_not_overflow(net: type[Net], same: Callable[..., Converted]) -> None:
    graph = net(opset=18)
    x = graph.input("x", [4])
    outputs = [graph.op(op_type, x) for op_type in ("Softplus", "Selu", "Mish")]
    same(graph.model(*outputs), {"x": np.array([-90.0, -1.0, 1.0, 90.0], np.float32)})
