"""Operators whose form changed, in every opset from 7 to the newest: results stay."""

from collections.abc import Callable
from typing import Any

import onnx
import pytest

MakeGraph = Callable[..., Any]
Optimized = Callable[[onnx.ModelProto], list[str]]

# Up to the newest that both libraries know by more than a preview.
OPSETS = range(7, min(onnx.defs.onnx_opset_version(), 23) + 1)

pytestmark = pytest.mark.parametrize("opset", OPSETS)


def test_limits(graph: MakeGraph, optimized: Optimized, opset: int) -> None:
    net = graph((1, 3, 8, 8), opset)
    y = net.batch_norm(net.op("Conv", "x", net.weights(4, 3, 3, 3)), 4)
    if opset < 11:
        y = net.op("Clip", y, min=0.0, max=0.5)
    else:
        y = net.op("Clip", y, net.constant(0.0), net.constant(0.5))
    assert optimized(net.finish(y)) == ["Conv", "Clip"]


def test_padding(graph: MakeGraph, optimized: Optimized, opset: int) -> None:
    net = graph((1, 3, 8, 8), opset)
    amounts = [0, 0, 1, 2, 0, 0, 0, 1]
    if opset < 11:
        padded = net.op("Pad", "x", pads=amounts, value=0.0)
    else:
        padded = net.op("Pad", "x", net.constant(amounts, "int64"), net.constant(0.0))
    y = net.op("Conv", padded, net.weights(4, 3, 3, 3))
    assert optimized(net.finish(y)) == ["Conv"]


def test_dropout(graph: MakeGraph, optimized: Optimized, opset: int) -> None:
    net = graph((1, 4), opset)
    if opset < 12:
        y = net.op("Dropout", net.op("Neg", "x"), ratio=0.3)
    else:
        training = net.constant(False, "bool")
        y = net.op("Dropout", net.op("Neg", "x"), net.constant(0.3), training)
    assert optimized(net.finish(net.op("Relu", y))) == ["Neg", "Relu"]


def test_axes_of_constants(graph: MakeGraph, optimized: Optimized, opset: int) -> None:
    net = graph((1, 4), opset)

    def along(op_type: str, value: str, since: int, *axes: int, **attributes: int) -> str:
        if opset < since:
            return str(net.op(op_type, value, axes=list(axes), **attributes))
        return str(net.op(op_type, value, net.constant(axes, "int64"), **attributes))

    summed = along("ReduceSum", net.weights(2, 3, 4), 13, 0, keepdims=0)
    mean = along("ReduceMean", summed, 18, 0, keepdims=1)
    y = along("Squeeze", along("Unsqueeze", mean, 13, 0), 13, 0)
    assert optimized(net.finish(net.op("Add", "x", y))) == ["Add"]


def test_axes_of_the_input(graph: MakeGraph, optimized: Optimized, opset: int) -> None:
    net = graph((1, 2, 3, 4), opset)
    if opset < 13:
        y = net.op("Squeeze", net.op("Unsqueeze", "x", axes=[4]), axes=[0])
        y = net.op("ReduceSum", y, axes=[1], keepdims=0)
    else:
        last, first = net.constant([4], "int64"), net.constant([0], "int64")
        y = net.op("Squeeze", net.op("Unsqueeze", "x", last), first)
        y = net.op("ReduceSum", y, net.constant([1], "int64"), keepdims=0)
    assert optimized(net.finish(y)) == ["Unsqueeze", "Squeeze", "ReduceSum"]
