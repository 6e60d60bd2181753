"""Shapes of the optimized graph, judged by what onnxruntime gives."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeml_converters.graph import optimize

MakeGraph = Callable[..., Any]
Sizes = tuple[int | None, ...]


def _declared(model: onnx.ModelProto) -> list[Sizes]:
    outputs = optimize(ir.from_proto(model)).graph.outputs
    shapes = [value.shape for value in outputs]
    assert all(shape is not None for shape in shapes)
    return [
        tuple(size if isinstance(size, int) else None for size in shape)
        for shape in shapes
        if shape
    ]


def _given(model: onnx.ModelProto, batch: int) -> list[Sizes]:
    # Unoptimized, as onnxruntime too believes what onnx says of a shape, and then fails.
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = ort.InferenceSession(model.SerializeToString(), options)
    shape = [size if isinstance(size, int) else batch for size in session.get_inputs()[0].shape]
    found = session.run(None, {"x": np.zeros(shape, np.float32)})
    return [tuple(array.shape) for array in found]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    size=st.integers(4, 12),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 4),
    pads=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    dilation=st.integers(1, 2),
    free=st.booleans(),
)
def test_pools_that_round_up(
    graph: MakeGraph,
    size: int,
    kernel: int,
    stride: int,
    pads: tuple[int, int],
    dilation: int,
    free: bool,
) -> None:
    net = graph(("N" if free else 1, 2, size, size))
    around = [min(pad, kernel - 1) for pad in pads for _ in range(2)]
    reach = (kernel - 1) * dilation + 1
    spread = dilation if reach <= size else 1
    window: dict[str, Any] = {"strides": [stride, stride], "ceil_mode": 1}
    one = net.op(
        "MaxPool", "x", kernel_shape=[kernel] * 2, dilations=[spread] * 2, pads=around, **window
    )
    two = net.op(
        "AveragePool", net.op("Relu", one), kernel_shape=[2, 2], pads=[0, 1, 1, 0], **window
    )
    model = net.finish(one, two)
    declared, given_ = _declared(model), _given(model, 1)
    assert [sizes[1:] for sizes in declared] == [sizes[1:] for sizes in given_]
    assert declared[0][0] == (None if free else 1)


@pytest.mark.parametrize("batch", [1, "N"])
def test_shape_arithmetic_after_a_pool_that_rounds_up(graph: MakeGraph, batch: int | str) -> None:
    # onnx says 4x4 here, onnxruntime 3x3.
    net = graph((batch, 3, 5, 5))
    pooled = net.op(
        "MaxPool", "x", kernel_shape=[2, 2], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1
    )
    width = net.op("Gather", net.op("Shape", pooled), net.constant([3], "int64"), axis=0)
    target = net.op("Concat", net.constant([-1], "int64"), width, axis=0)
    model = net.finish(net.op("Reshape", pooled, target))
    (declared,), (given_,) = _declared(model), _given(model, 1)
    assert declared[1] == given_[1] == 3
