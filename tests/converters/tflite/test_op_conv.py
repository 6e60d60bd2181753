"""Convolutions of every kind against onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import onnx_ir as ir
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeml_converters.tflite import check_convertible

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net

many = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@many
@given(
    size=st.tuples(st.integers(3, 12), st.integers(3, 12)),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    strides=st.lists(st.integers(1, 3), min_size=2, max_size=2),
    dilations=st.lists(st.integers(1, 2), min_size=2, max_size=2),
    pads=st.lists(st.integers(0, 3), min_size=4, max_size=4),
    kind=st.sampled_from(["plain", "depthwise", "multiplied", "grouped"]),
    activation=st.sampled_from(["", "Relu", "Clip"]),
    bias=st.booleans(),
)
def test_any_window_gives_the_same_result(
    net: type[Net],
    same: Callable[..., Converted],
    size: tuple[int, int],
    kernel: tuple[int, int],
    strides: list[int],
    dilations: list[int],
    pads: list[int],
    kind: str,
    activation: str,
    bias: bool,
) -> None:
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    fitting = [max(s, r) for s, r in zip(size, reach, strict=True)]
    groups, made = {"plain": (1, 5), "depthwise": (4, 4), "multiplied": (4, 8), "grouped": (2, 6)}[
        kind
    ]
    graph = net(seed=1)
    x = graph.input("x", [1, 4, *fitting])
    inputs = [x, graph.const(graph.rng.standard_normal((made, 4 // groups, *kernel)))]
    if bias:
        inputs.append(graph.const(graph.rng.standard_normal(made)))
    y = graph.op("Conv", *inputs, strides=strides, dilations=dilations, pads=pads, group=groups)
    if activation == "Relu":
        y = graph.op("Relu", y)
    elif activation == "Clip":
        y = graph.op("Clip", y, graph.const(0.0), graph.const(6.0))
    converted = same(graph.model(y))
    code = "DEPTHWISE_CONV_2D" if kind in {"depthwise", "multiplied"} else "CONV_2D"
    assert [op for op in converted.ops if op != "PAD"] == [code]


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID"])
@pytest.mark.parametrize("size", [7, 8])
def test_automatic_padding(
    net: type[Net], same: Callable[..., Converted], auto_pad: str, size: int
) -> None:
    graph = net()
    x = graph.input("x", [1, 3, size, size])
    weights = graph.const(graph.rng.standard_normal((4, 3, 3, 3)))
    converted = same(graph.model(graph.op("Conv", x, weights, auto_pad=auto_pad, strides=[2, 2])))
    if auto_pad != "SAME_LOWER":
        assert converted.ops == ["CONV_2D"]


def test_padding_of_tensorflow_needs_no_pad_operator(
    net: type[Net], same: Callable[..., Converted]
) -> None:
    graph = net()
    x = graph.input("x", [1, 3, 8, 8])
    y = graph.conv(x, (3, 4), strides=[2, 2], pads=[0, 0, 1, 1])
    assert same(graph.model(y)).ops == ["CONV_2D"]


def test_symmetric_padding_at_stride_two_is_written_out(
    net: type[Net], same: Callable[..., Converted]
) -> None:
    graph = net()
    x = graph.input("x", [1, 3, 8, 8])
    assert same(graph.model(graph.conv(x, (3, 4), strides=[2, 2]))).ops == ["PAD", "CONV_2D"]


@pytest.mark.parametrize("groups", [1, 4])
def test_lines_are_images_one_row_high(
    net: type[Net], same: Callable[..., Converted], groups: int
) -> None:
    graph = net()
    x = graph.input("x", [1, 4, 20])
    weights = graph.const(graph.rng.standard_normal((8, 4 // groups, 5)))
    y = graph.op("Conv", x, weights, pads=[2, 2], strides=[2], group=groups)
    y = graph.op("Relu", y)
    more = graph.const(graph.rng.standard_normal((3, 8, 3)))
    converted = same(graph.model(graph.op("Conv", y, more, pads=[1, 1])))
    # Between the two convolutions the line stays an image.
    assert converted.ops.count("RESHAPE") == 2


def test_activation_is_fused_only_when_nobody_reads_the_value_before_it(
    net: type[Net], same: Callable[..., Converted]
) -> None:
    graph = net()
    x = graph.input("x", [1, 3, 6, 6])
    before = graph.conv(x, (3, 3), norm=False, relu6=False)
    after = graph.op("Relu", before)
    assert same(graph.model(graph.op("Add", before, after))).ops == ["CONV_2D", "RELU", "ADD"]
    assert same(graph.model(before, after)).ops == ["CONV_2D", "RELU"]


def test_weights_computed_at_run_time_are_refused(net: type[Net]) -> None:
    graph = net()
    x, w = graph.input("x", [1, 3, 6, 6]), graph.input("w", [4, 3, 3, 3])
    blockers = check_convertible(ir.from_proto(graph.model(graph.op("Conv", x, w))))
    assert [(b.node, b.op_type) for b in blockers] == [("n0", "Conv")]
    assert "not constant" in blockers[0].reason
