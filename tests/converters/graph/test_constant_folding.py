"""What is computed when a model is optimized, and what stays for the engine."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper

from edgeml_converters.graph import copy_model, optimize, serialize_onnx
from edgeml_converters.graph.optimizer import simplify

MakeGraph = Callable[..., Any]
Optimized = Callable[[onnx.ModelProto], list[str]]


def _types(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in optimize(ir.from_proto(model)).graph]


@pytest.mark.parametrize("opset", [7, 10, 13, 15, 21])
def test_a_flattening_written_with_shapes_is_one_reshape(
    graph: MakeGraph, optimized: Optimized, opset: int
) -> None:
    net = graph((2, 3, 4, 5), opset)
    batch = net.op("Gather", net.op("Shape", "x"), net.constant(0, "int64"), axis=0)
    if opset < 13:
        batch = net.op("Unsqueeze", batch, axes=[0])
    else:
        batch = net.op("Unsqueeze", batch, net.constant([0], "int64"))
    target = net.op("Concat", batch, net.constant([-1], "int64"), axis=0)
    assert optimized(net.finish(net.op("Reshape", "x", target))) == ["Reshape"]


def test_shapes_with_a_free_axis_are_computed_at_run_time(
    graph: MakeGraph, optimized: Optimized
) -> None:
    net = graph(("N", 3, 4))
    batch = net.op("Gather", net.op("Shape", "x"), net.constant([0], "int64"), axis=0)
    target = net.op("Concat", batch, net.constant([-1], "int64"), axis=0)
    left = optimized(net.finish(net.op("Reshape", "x", target)))
    assert left == ["Shape", "Gather", "Concat", "Reshape"]


@pytest.mark.parametrize(
    ("start", "end"), [(0, 9), (1, 3), (-2, 4), (-9, -1), (0, -1), (3, 2), (2, None)]
)
def test_part_of_a_shape(
    graph: MakeGraph, optimized: Optimized, start: int, end: int | None
) -> None:
    net = graph((2, 3, 4, 5), opset=15)
    limits = {"start": start} if end is None else {"start": start, "end": end}
    sizes = net.op("Cast", net.op("Shape", "x", **limits), to=TensorProto.FLOAT)
    total = net.op("ReduceSum", sizes, keepdims=0)
    assert optimized(net.finish(net.op("Mul", "x", total))) == ["Mul"]


def test_the_size_of_a_known_tensor(graph: MakeGraph, optimized: Optimized) -> None:
    net = graph((2, 3))
    size = net.op("Cast", net.op("Size", "x"), to=TensorProto.FLOAT)
    assert optimized(net.finish(net.op("Div", "x", size))) == ["Div"]


@pytest.mark.parametrize(
    ("op_type", "attributes"),
    [
        ("RandomNormal", {"shape": [1, 4]}),
        ("RandomUniform", {"shape": [1, 4]}),
        ("RandomNormalLike", {}),
        ("RandomUniformLike", {}),
        ("Bernoulli", {}),
    ],
)
def test_random_numbers_are_drawn_at_run_time(
    graph: MakeGraph, op_type: str, attributes: dict[str, Any]
) -> None:
    net = graph((1, 4))
    given = [] if "shape" in attributes else [net.constant(np.full((1, 4), 0.5))]
    y = net.op("Add", "x", net.op(op_type, *given, **attributes))
    assert _types(net.finish(y)) == [op_type, "Add"]


def test_dropout_that_trains_is_drawn_at_run_time(graph: MakeGraph) -> None:
    net = graph((1, 4), opset=13)
    training = net.constant(True, "bool")
    dropped = net.op("Dropout", net.weights(1, 4), net.constant(0.5), training)
    assert _types(net.finish(net.op("Add", "x", dropped))) == ["Dropout", "Add"]


def test_dropout_of_a_constant_that_does_not_train_goes(
    graph: MakeGraph, optimized: Optimized
) -> None:
    net = graph((1, 4), opset=13)
    dropped = net.op("Dropout", net.weights(1, 4), net.constant(0.5), net.constant(False, "bool"))
    assert optimized(net.finish(net.op("Add", "x", net.op("Neg", dropped)))) == ["Add"]


def test_weights_quantized_in_the_graph_stay_quantized(
    graph: MakeGraph, optimized: Optimized
) -> None:
    net = graph((1, 4))
    scale, zero = net.constant(0.02), net.constant(0, "int8")
    integers = net.op("QuantizeLinear", net.weights(4, 4), scale, zero)
    weights = net.op("DequantizeLinear", integers, scale, zero)
    assert optimized(net.finish(net.op("MatMul", "x", weights))) == ["DequantizeLinear", "MatMul"]


def test_a_constant_grows_no_further_than_it_may(graph: MakeGraph, optimized: Optimized) -> None:
    net = graph((1, 700, 700))
    large = net.op("Expand", net.constant([[1.5]]), net.constant([700, 700], "int64"))
    model = net.finish(net.op("Add", "x", large))
    assert optimized(model) == ["Expand", "Add"]
    for limit, left in ((None, ["Add"]), (4 * 700 * 700, ["Add"]), (1000, ["Expand", "Add"])):
        folded = simplify(copy_model(ir.from_proto(model)), limit)
        assert [node.op_type for node in folded.graph] == left


def test_large_weights_that_do_not_grow_are_folded(graph: MakeGraph, optimized: Optimized) -> None:
    net = graph((1, 600))
    turned = net.op("Transpose", net.weights(600, 600), perm=[1, 0])
    assert optimized(net.finish(net.op("MatMul", "x", turned))) == ["MatMul"]


def test_an_output_that_is_left_out_is_no_constant(graph: MakeGraph, optimized: Optimized) -> None:
    net = graph((1, 2))
    weights = [net.weights(3, 1, 2), net.weights(1, 8, 2), net.weights(1, 8, 2)]
    net.nodes.append(helper.make_node("LSTM", weights, ["", "last"], hidden_size=2))
    assert optimized(net.finish(net.op("Add", "x", "last"))) == ["Add"]


def test_a_constant_that_is_an_output_stays(graph: MakeGraph, optimized: Optimized) -> None:
    net = graph((1, 2))
    fixed = net.op("Neg", net.weights(3))
    assert optimized(net.finish(net.op("Relu", "x"), fixed)) == ["Neg", "Relu"]


def test_text_is_left_alone(graph: MakeGraph) -> None:
    net = graph((1, 2))
    label = net.op("Identity", net.op("Constant", value_string="label"))
    labels = net.op("Identity", net.op("Constant", value_strings=["a", "b"]))
    model = net.finish(net.op("Relu", "x"), label, labels)
    for value in model.graph.output[1:]:
        value.type.tensor_type.elem_type = TensorProto.STRING
    assert serialize_onnx(optimize(ir.from_proto(model)))


def test_a_sequence_is_left_alone(graph: MakeGraph) -> None:
    net = graph((1, 2))
    index = net.op("Cast", net.op("ReduceMax", "x", keepdims=0), to=TensorProto.INT64)
    parts = net.op("SequenceConstruct", net.weights(1, 2), net.weights(1, 2))
    y = net.op("Add", "x", net.op("SequenceAt", parts, index))
    assert "SequenceConstruct" in _types(net.finish(y))


def test_what_cannot_be_computed_is_left_to_the_engine(graph: MakeGraph) -> None:
    net = graph((1, 2))
    wrong = net.op("Reshape", net.weights(3), net.constant([2, 2], "int64"))
    assert _types(net.finish(net.op("Add", "x", wrong))) == ["Reshape", "Add"]
