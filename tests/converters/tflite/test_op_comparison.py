"""Comparisons, logic, choice, powers and remainders, with broadcasting."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

from edgeml_runtime.errors import UnsupportedError

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net


_SHAPES = [([2, 3, 4], [4]), ([2, 3, 4], [3, 1]), ([1, 3, 2, 4], [3, 1, 1]), ([], [5]), ([3], [3])]


@pytest.mark.parametrize("shapes", _SHAPES)
@pytest.mark.parametrize("op_type", ["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"])
@pytest.mark.parametrize("dtype", ["float32", "int32", "int64"])
def test_comparisons(
    net: type[Net],
    same: Callable[..., Converted],
    op_type: str,
    shapes: tuple[list[int], list[int]],
    dtype: str,
) -> None:
    graph = net()
    kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    names = [graph.input(name, shape, kind) for name, shape in zip("xy", shapes, strict=True)]
    rng = np.random.default_rng(0)
    x, y = (np.asarray(rng.integers(-2, 3, shape), dtype) for shape in shapes)
    feeds = {"x": x, "y": y}
    same(graph.model(graph.op(op_type, *names)), feeds)


@pytest.mark.parametrize("op_type", ["And", "Or", "Xor"])
def test_logic(net: type[Net], same: Callable[..., Converted], op_type: str) -> None:
    graph = net()
    names = [graph.input(name, [2, 2], onnx.TensorProto.BOOL) for name in "xy"]
    feeds = {"x": np.array([[True, True], [False, False]]), "y": np.array([[True, False]] * 2)}
    same(graph.model(graph.op(op_type, *names)), feeds)


@pytest.mark.parametrize("condition", [(3,), (2, 1), (1, 1), ()])
def test_choice(net: type[Net], same: Callable[..., Converted], condition: tuple[int, ...]) -> None:
    graph = net()
    chosen = graph.const(np.resize([True, False], condition), "bool")
    x, y = graph.input("x", [2, 3]), graph.input("y", [3])
    same(graph.model(graph.op("Where", chosen, x, y)))


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0, 3.0, -1.0])
def test_powers(net: type[Net], same: Callable[..., Converted], exponent: float) -> None:
    graph = net()
    y = graph.op("Pow", graph.input("x", [2, 3]), graph.const(exponent))
    same(graph.model(y), {"x": np.linspace(0.2, 3, 6, dtype=np.float32).reshape(2, 3)})


@pytest.mark.parametrize("fmod", [0, 1])
@pytest.mark.parametrize("divisor", [3, -3])
def test_remainders_of_both_signs(
    net: type[Net], same: Callable[..., Converted], fmod: int, divisor: int
) -> None:
    graph = net()
    x = graph.input("x", [7], onnx.TensorProto.INT32)
    y = graph.op("Mod", x, graph.const(divisor, "int32"), fmod=fmod)
    same(graph.model(y), {"x": np.arange(-3, 4, dtype=np.int32)})


def test_signed_shifts_are_refused_by_name(
    net: type[Net], convert: Callable[..., Converted]
) -> None:
    graph = net()
    x = graph.input("x", [3], onnx.TensorProto.UINT64)
    shift = graph.op("BitShift", x, graph.const([1], "uint64"), direction="LEFT")
    with pytest.raises(UnsupportedError, match="BitShift"):
        convert(graph.model(shift), {"x": np.zeros(3, np.uint64)})
