"""What LiteRT's own kernels overwrite is copied before, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from edgeml_converters.tflite import write_tflite
from edgeml_runtime.engines import open_engine

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net


def _worst_error(model: onnx.ModelProto, run: Callable[..., dict[str, np.ndarray]]) -> float:
    """Return the largest error of a network with one input, in LiteRT's own kernels."""
    feeds = {"x": np.random.default_rng(0).standard_normal((5, 7), np.float32)}
    expected = run(model, feeds)
    with closing(open_engine("litert-builtin", write_tflite(ir.from_proto(model)))) as engine:
        results = engine.run(feeds)
    return max(float(np.abs(results[name] - value).max()) for name, value in expected.items())


def _shared(graph: Net, reader: str, *operands: float) -> onnx.ModelProto:
    """A sum that is reshaped, changed, and read once more as it was."""
    x = graph.input("x", [5, 7])
    total = graph.op("Add", graph.op("Tanh", x), graph.const(0.7))
    row = graph.op("Reshape", total, graph.const([1, 35], "int64"))
    changed = graph.op(reader, row, *map(graph.const, operands))
    reduced = graph.op("ReduceSum", changed, graph.const([1], "int64"))
    return graph.model(reduced, graph.op("Add", total, x))


@pytest.mark.parametrize("reader", ["Add", "Sub", "Mul", "Div"])
def test_a_reshaped_sum_is_not_overwritten(
    net: type[Net], onnx_runner: Callable[..., dict[str, np.ndarray]], reader: str
) -> None:
    assert _worst_error(_shared(net(), reader, 1.5), onnx_runner) < 1e-4


def test_a_reshaped_sum_is_not_overwritten_by_a_softmax(
    net: type[Net], onnx_runner: Callable[..., dict[str, np.ndarray]]
) -> None:
    assert _worst_error(_shared(net(), "Softmax"), onnx_runner) < 1e-4


def test_two_shapes_of_one_sum_are_not_overwritten(
    net: type[Net], onnx_runner: Callable[..., dict[str, np.ndarray]]
) -> None:
    graph = net()
    total = graph.op("Add", graph.op("Tanh", graph.input("x", [5, 7])), graph.const(0.7))
    row, column = (
        graph.op("Reshape", total, graph.const(shape, "int64")) for shape in ([1, 35], [35, 1])
    )
    doubled = graph.op("Mul", row, graph.const(2.0))
    outputs = (
        graph.op("ReduceSum", doubled, graph.const([1], "int64")),
        graph.op("ReduceMax", column),
    )
    assert _worst_error(graph.model(*outputs), onnx_runner) < 1e-4


@pytest.mark.parametrize("reader", ["Relu", "Exp", "Sigmoid"])
def test_what_does_not_overwrite_costs_no_copy(
    net: type[Net], same: Callable[..., Converted], reader: str
) -> None:
    assert "TRANSPOSE" not in same(_shared(net(), reader)).ops
