"""Reductions over any axes against onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    op_type=st.sampled_from(["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin"]),
    axes=st.sets(st.integers(0, 3)),
    negative=st.booleans(),
    keepdims=st.integers(0, 1),
    opset=st.sampled_from([11, 13, 18]),
    image=st.booleans(),
)
def test_reductions(
    net: type[Net],
    same: Callable[..., Converted],
    op_type: str,
    axes: set[int],
    negative: bool,
    keepdims: int,
    opset: int,
    image: bool,
) -> None:
    graph = net(opset=opset)
    x = graph.input("x", [1, 3, 5, 4])
    x = graph.conv(x, (3, 4), relu6=False) if image else graph.op("Tanh", x)
    given_axes = [axis - 4 if negative else axis for axis in sorted(axes)]
    as_input = opset >= (13 if op_type == "ReduceSum" else 18)
    if not axes:
        y = graph.op(op_type, x, keepdims=keepdims)
    elif as_input:
        y = graph.op(op_type, x, graph.const(given_axes, "int64"), keepdims=keepdims)
    else:
        y = graph.op(op_type, x, axes=given_axes, keepdims=keepdims)
    assert same(graph.model(y)).ops


def test_mean_over_the_image_drops_its_axes_itself(
    net: type[Net], same: Callable[..., Converted]
) -> None:
    graph = net()
    x = graph.conv(graph.input("x", [1, 3, 6, 5]), (3, 4))
    y = graph.op("Flatten", graph.op("ReduceMean", x, axes=[2, 3]))
    assert same(graph.model(y)).ops == ["CONV_2D", "MEAN"]
