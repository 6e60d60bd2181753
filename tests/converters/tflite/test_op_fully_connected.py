"""Matrix products against onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net


@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize("alpha", [1.0, 0.5])
@pytest.mark.parametrize("beta", [1.0, 2.0])
@pytest.mark.parametrize("bias", [(), (7,), (1, 7), None])
def test_gemm(
    net: type[Net],
    same: Callable[..., Converted],
    transposed: int,
    alpha: float,
    beta: float,
    bias: tuple[int, ...] | None,
) -> None:
    graph = net()
    x = graph.input("x", [3, 10])
    weights = graph.const(graph.rng.standard_normal((7, 10) if transposed else (10, 7)))
    inputs = [x, weights]
    if bias is not None:
        inputs.append(graph.const(graph.rng.standard_normal(bias)))
    y = graph.op("Relu", graph.op("Gemm", *inputs, transB=transposed, alpha=alpha, beta=beta))
    assert same(graph.model(y)).ops == ["FULLY_CONNECTED"]


@pytest.mark.parametrize("shape", [[3, 10], [1, 3, 10], [1, 2, 3, 10]])
def test_product_with_a_constant_matrix(
    net: type[Net], same: Callable[..., Converted], shape: list[int | str]
) -> None:
    graph = net()
    x = graph.input("x", shape)
    y = graph.op("MatMul", x, graph.const(graph.rng.standard_normal((10, 4))))
    assert same(graph.model(y)).ops == ["FULLY_CONNECTED"]


def test_product_with_a_bias_added_is_one_operator(
    net: type[Net], same: Callable[..., Converted]
) -> None:
    graph = net()
    x = graph.input("x", [1, 3, 10])
    y = graph.op("MatMul", x, graph.const(graph.rng.standard_normal((10, 4))))
    y = graph.op("Relu", graph.op("Add", graph.const(graph.rng.standard_normal(4)), y))
    assert same(graph.model(y)).ops == ["FULLY_CONNECTED"]


def test_product_of_two_inputs(net: type[Net], same: Callable[..., Converted]) -> None:
    graph = net()
    y = graph.op("MatMul", graph.input("x", [1, 2, 3, 4]), graph.input("w", [1, 2, 4, 5]))
    assert same(graph.model(y)).ops == ["BATCH_MATMUL"]


@pytest.mark.parametrize("high", [None, 6.0])
def test_activation_of_a_product_of_two_inputs(
    net: type[Net], same: Callable[..., Converted], high: float | None
) -> None:
    graph = net()
    product = graph.op("MatMul", graph.input("x", [2, 3, 4]), graph.input("y", [2, 4, 5]))
    if high is None:
        y = graph.op("Relu", product)
    else:
        y = graph.op("Clip", product, graph.const(0.0), graph.const(high))
    code = "RELU" if high is None else "RELU6"
    assert same(graph.model(y)).ops == ["BATCH_MATMUL", code]
