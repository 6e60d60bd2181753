"""Pools with every padding and rounding against onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net

many = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
windows = {
    "size": st.tuples(st.integers(4, 12), st.integers(4, 12)),
    "kernel": st.lists(st.integers(1, 4), min_size=2, max_size=2),
    "strides": st.lists(st.integers(1, 3), min_size=2, max_size=2),
    "pads": st.lists(st.integers(0, 3), min_size=4, max_size=4),
    "ceil_mode": st.integers(0, 1),
}


def _possible(pads: list[int], kernel: list[int]) -> list[int]:
    """Return paddings that are smaller than the kernel, as onnxruntime wants them."""
    return [pad % kernel[index % 2] for index, pad in enumerate(pads)]


@many
@given(**windows, relu=st.booleans())
def test_max_pool(
    net: type[Net],
    same: Callable[..., Converted],
    size: tuple[int, int],
    kernel: list[int],
    strides: list[int],
    pads: list[int],
    ceil_mode: int,
    relu: bool,
) -> None:
    graph = net()
    x = graph.input("x", [1, 3, *size])
    if relu:
        x = graph.op("Relu", x)
    attributes: dict[str, Any] = {
        "kernel_shape": kernel,
        "strides": strides,
        "pads": _possible(pads, kernel),
    }
    y = graph.op("MaxPool", x, ceil_mode=ceil_mode, **attributes)
    converted = same(graph.model(y))
    assert "PADV2" not in converted.ops or not relu


@many
@given(**windows, count=st.integers(0, 1))
def test_average_pool(
    net: type[Net],
    same: Callable[..., Converted],
    size: tuple[int, int],
    kernel: list[int],
    strides: list[int],
    pads: list[int],
    ceil_mode: int,
    count: int,
) -> None:
    graph = net()
    x = graph.input("x", [1, 3, *size])
    attributes: dict[str, Any] = {
        "kernel_shape": kernel,
        "strides": strides,
        "pads": _possible(pads, kernel),
    }
    y = graph.op("AveragePool", x, ceil_mode=ceil_mode, count_include_pad=count, **attributes)
    assert same(graph.model(y)).ops


@pytest.mark.parametrize("op_type", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID"])
def test_automatic_padding(
    net: type[Net], same: Callable[..., Converted], op_type: str, auto_pad: str
) -> None:
    graph = net()
    x = graph.input("x", [1, 3, 8, 7])
    y = graph.op(op_type, x, kernel_shape=[3, 3], strides=[2, 2], auto_pad=auto_pad)
    assert same(graph.model(y)).ops


def test_pool_over_a_line(net: type[Net], same: Callable[..., Converted]) -> None:
    graph = net()
    x = graph.input("x", [1, 3, 16])
    y = graph.op("MaxPool", x, kernel_shape=[4], strides=[4])
    assert same(graph.model(graph.op("AveragePool", y, kernel_shape=[2], strides=[2]))).ops


@pytest.mark.parametrize("op_type", ["GlobalAveragePool", "GlobalMaxPool"])
def test_global_pools(net: type[Net], same: Callable[..., Converted], op_type: str) -> None:
    graph = net()
    x = graph.input("x", [1, 3, 5, 4])
    converted = same(graph.model(graph.op("Flatten", graph.op(op_type, x))))
    assert len(converted.ops) <= 2
