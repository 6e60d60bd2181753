"""Arithmetic, activations and clipping against onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net


@pytest.mark.parametrize("op_type", ["Add", "Sub", "Mul", "Div"])
@pytest.mark.parametrize("shape", [(), (1,), (5,), (4, 1, 1), (1, 4, 1, 1), (4, 5, 5)])
@pytest.mark.parametrize("first", [True, False])
def test_arithmetic_with_a_constant_between_convolutions(
    net: type[Net],
    same: Callable[..., Converted],
    op_type: str,
    shape: tuple[int, ...],
    first: bool,
) -> None:
    graph = net()
    x = graph.conv(graph.input("x", [1, 3, 5, 5]), (3, 4), relu6=False)
    x = graph.op("Add", graph.op("Tanh", x), graph.const(2.0))
    constant = graph.const(graph.rng.uniform(0.5, 2.0, shape))
    y = graph.op(op_type, *((constant, x) if first else (x, constant)))
    converted = same(graph.model(graph.conv(y, (4, 2))))
    assert "TRANSPOSE" not in converted.ops


@pytest.mark.parametrize("op_type", ["Add", "Mul", "Max", "Min", "Sum"])
@pytest.mark.parametrize("shape", [[1, 4, 5, 5], [1, 4, 1, 1], [4, 5, 5], [5]])
def test_arithmetic_of_two_inputs(
    net: type[Net], same: Callable[..., Converted], op_type: str, shape: list[int | str]
) -> None:
    graph = net()
    x = graph.conv(graph.input("x", [1, 3, 5, 5]), (3, 4))
    converted = same(graph.model(graph.op(op_type, x, graph.input("other", shape))))
    if len(shape) == 4:
        assert "TRANSPOSE" not in converted.ops


def test_squeeze_and_excitation_has_no_transposes(
    net: type[Net], same: Callable[..., Converted]
) -> None:
    graph = net()
    x = graph.conv(graph.input("x", [1, 3, 8, 8]), (3, 8))
    s = graph.op("GlobalAveragePool", x)
    s = graph.conv(s, (8, 2), kernel=1, norm=False)
    s = graph.op("Sigmoid", graph.conv(s, (2, 8), kernel=1, norm=False, relu6=False))
    converted = same(graph.model(graph.op("Mul", x, s)))
    assert converted.ops == ["CONV_2D", "MEAN", "CONV_2D", "CONV_2D", "LOGISTIC", "MUL"]


@pytest.mark.parametrize("op_type", ["Sigmoid", "Tanh", "HardSwish", "Relu"])
def test_activations(net: type[Net], same: Callable[..., Converted], op_type: str) -> None:
    graph = net()
    assert len(same(graph.model(graph.op(op_type, graph.input("x", [1, 3, 5, 5])))).ops) == 1


def test_leaky_relu(net: type[Net], same: Callable[..., Converted]) -> None:
    graph = net()
    y = graph.op("LeakyRelu", graph.input("x", [1, 30]), alpha=0.3)
    assert same(graph.model(y)).ops == ["LEAKY_RELU"]


@pytest.mark.parametrize(
    ("low", "high", "ops"),
    [
        (0.0, 6.0, ["RELU6"]),
        (-1.0, 1.0, ["RELU_N1_TO_1"]),
        (0.0, 1.0, ["RELU_0_TO_1"]),
        (0.0, None, ["RELU"]),
        (None, 0.5, ["MINIMUM"]),
        (-0.25, 0.5, ["MAXIMUM", "MINIMUM"]),
    ],
)
@pytest.mark.parametrize("opset", [7, 11, 17])
def test_clip_of_every_opset(
    net: type[Net],
    same: Callable[..., Converted],
    low: float | None,
    high: float | None,
    ops: list[str],
    opset: int,
) -> None:
    graph = net(opset=opset)
    x = graph.input("x", [1, 3, 5, 5])
    if opset < 11:
        bounds: dict[str, Any] = {"min": low, "max": high}
        y = graph.op("Clip", x, **{k: v for k, v in bounds.items() if v is not None})
    else:
        names = ["" if bound is None else graph.const(bound) for bound in (low, high)]
        y = graph.op("Clip", x, *names)
    feeds = {x: np.linspace(-8, 8, 75, dtype=np.float32).reshape(1, 3, 5, 5)}
    assert same(graph.model(y), feeds).ops == ops
