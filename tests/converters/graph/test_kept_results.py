"""Where a pass must not act, and what the optimized model keeps of the given one."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper

from edgeml_converters.graph import copy_model, optimize, serialize_onnx
from edgeml_runtime.errors import InternalError

MakeGraph = Callable[..., Any]
Optimized = Callable[[onnx.ModelProto], list[str]]


def _types(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in optimize(ir.from_proto(model)).graph]


def _conv(net: Any, made: int = 4) -> str:  # noqa: ANN401 - the class is of conftest
    return str(net.op("Conv", "x", net.weights(made, 3, 3, 3)))


@pytest.mark.parametrize("reader", ["Mul", "Add"])
def test_a_convolution_that_is_an_output_keeps_its_weights(
    graph: MakeGraph, optimized: Optimized, reader: str
) -> None:
    net = graph((1, 3, 8, 8))
    conv = _conv(net)
    y = net.op(reader, conv, net.weights(4, 1, 1))
    assert optimized(net.finish(conv, y)) == ["Conv", reader]


def test_weights_that_two_convolutions_share_are_scaled_for_one(
    graph: MakeGraph, optimized: Optimized
) -> None:
    net = graph((1, 3, 8, 8))
    weights = net.weights(4, 3, 3, 3)
    one, two = net.op("Conv", "x", weights), net.op("Conv", "x", weights)
    assert optimized(net.finish(net.batch_norm(one, 4), two)) == ["Conv", "Conv"]


@pytest.mark.parametrize("opset", [14, 15, 21])
def test_batch_norm_that_trains_stays(graph: MakeGraph, optimized: Optimized, opset: int) -> None:
    net = graph((2, 3, 8, 8), opset)
    y = net.batch_norm(_conv(net), 4)
    net.nodes[-1].attribute.append(helper.make_attribute("training_mode", 1))
    net.nodes[-1].output.extend(["mean", "variance"])
    assert optimized(net.finish(y, "mean", "variance")) == ["Conv", "BatchNormalization"]


def test_batch_norm_whose_statistics_are_outputs_stays(graph: MakeGraph) -> None:
    # Before opset 14 it is these outputs that ask for training.
    net = graph((2, 3, 8, 8), opset=9)
    y = net.batch_norm(_conv(net), 4)
    net.nodes[-1].output.extend(["mean", "variance", "saved_mean", "saved_variance"])
    model = net.finish(y, "mean")
    model.graph.output[1].type.tensor_type.shape.dim.add().dim_value = 4
    assert _types(model) == ["Conv", "BatchNormalization"]


def test_batch_norm_with_parameters_for_each_element_stays(
    graph: MakeGraph, optimized: Optimized
) -> None:
    net = graph((1, 3, 8, 8), opset=7)
    parameters = [net.constant(net.random.uniform(0.5, 2.0, (4, 6, 6))) for _ in range(4)]
    y = net.op("BatchNormalization", _conv(net), *parameters, spatial=0)
    assert optimized(net.finish(y)) == ["Conv", "BatchNormalization"]


def test_statistics_that_are_computed_at_run_time_stay(
    graph: MakeGraph, optimized: Optimized
) -> None:
    net = graph((1, 3, 8, 8))
    scale = net.op("ReduceMean", "x", axes=[0, 2, 3], keepdims=0)
    rest = [net.constant(net.random.uniform(0.5, 2.0, 3)) for _ in range(3)]
    y = net.op("BatchNormalization", _conv(net, 3), scale, *rest)
    assert sorted(optimized(net.finish(y))) == ["BatchNormalization", "Conv", "ReduceMean"]


def test_a_transposed_convolution_takes_batch_norm_unless_it_has_groups(
    graph: MakeGraph, optimized: Optimized
) -> None:
    for group, left in ((1, ["ConvTranspose"]), (2, ["ConvTranspose", "BatchNormalization"])):
        net = graph((1, 4, 8, 8))
        conv = net.op("ConvTranspose", "x", net.weights(4, 4 // group, 3, 3), group=group)
        assert optimized(net.finish(net.batch_norm(conv, 4))) == left


def test_depthwise_convolutions_take_batch_norm(graph: MakeGraph, optimized: Optimized) -> None:
    net = graph((1, 4, 8, 8))
    conv = net.op("Conv", "x", net.weights(8, 1, 3, 3), net.weights(8), group=4)
    assert optimized(net.finish(net.batch_norm(conv, 8))) == ["Conv"]


@pytest.mark.parametrize(
    ("bias", "attributes", "fuses"),
    [
        ((5,), {}, True),
        ((1, 5), {}, True),
        ((1,), {}, True),
        ((), {}, True),
        ((5, 1), {}, False),
        ((5, 5), {}, False),
        ((5,), {"alpha": 0.5}, False),
        ((5,), {"beta": 2.0}, False),
    ],
)
@pytest.mark.parametrize("turned", [0, 1])
def test_matrix_products_take_batch_norm_where_their_bias_runs_along_the_channels(
    graph: MakeGraph,
    optimized: Optimized,
    bias: tuple[int, ...],
    attributes: dict[str, float],
    fuses: bool,
    turned: int,
) -> None:
    net = graph((5, 6))
    weights = net.weights(5, 6) if turned else net.weights(6, 5)
    y = net.op("Gemm", "x", weights, net.weights(*bias), transB=turned, **attributes)
    left = optimized(net.finish(net.batch_norm(y, 5)))
    assert left == (["Gemm"] if fuses else ["Gemm", "BatchNormalization"])


@pytest.mark.parametrize("op_type", ["Div", "Sub"])
def test_a_constant_divided_by_a_convolution_is_no_scale(
    graph: MakeGraph, optimized: Optimized, op_type: str
) -> None:
    net = graph((1, 3, 8, 8))
    y = net.op(op_type, net.weights(4, 1, 1), _conv(net))
    if op_type == "Div":
        y = net.op("Sigmoid", y)  # the quotient may be of any size
    assert optimized(net.finish(y))[:2] == ["Conv", op_type]


def test_a_division_by_zero_is_no_scale(graph: MakeGraph) -> None:
    net = graph((1, 3, 8, 8))
    y = net.op("Div", _conv(net), net.constant(np.array([1, 0, 1, 1]).reshape(4, 1, 1)))
    assert _types(net.finish(y)) == ["Conv", "Div"]


@pytest.mark.parametrize("shape", [(5, 1, 1), (2, 1, 1, 1), (1, 1, 1, 1, 1), (1, 6, 1)])
def test_a_constant_that_spreads_the_result_is_no_scale(
    graph: MakeGraph, optimized: Optimized, shape: tuple[int, ...]
) -> None:
    net = graph((1, 3, 8, 8))
    y = net.op("Mul", _conv(net, made=1), net.weights(*shape))
    assert optimized(net.finish(y)) == ["Conv", "Mul"]


def test_a_sum_of_a_convolution_and_itself_is_no_offset(
    graph: MakeGraph, optimized: Optimized
) -> None:
    net = graph((1, 3, 8, 8))
    conv = _conv(net)
    assert optimized(net.finish(net.op("Add", conv, conv))) == ["Conv", "Add"]


def test_a_cast_to_another_type_stays(graph: MakeGraph, optimized: Optimized) -> None:
    net = graph((1, 4))
    same = net.op("Cast", net.op("Relu", "x"), to=TensorProto.FLOAT)
    rounded = net.op("Cast", same, to=TensorProto.INT32)
    y = net.op("Mul", "x", net.op("Cast", rounded, to=TensorProto.FLOAT))
    assert optimized(net.finish(y)) == ["Relu", "Cast", "Cast", "Mul"]


def test_a_dropout_whose_mask_is_read_stays(graph: MakeGraph, optimized: Optimized) -> None:
    net = graph((1, 4), opset=13)
    y = net.op("Dropout", net.op("Relu", "x"))
    net.nodes[-1].output.append("mask")
    kept = net.op("Cast", "mask", to=TensorProto.FLOAT)
    assert "Dropout" in optimized(net.finish(y, kept))


def test_two_outputs_of_one_value_keep_both_names(graph: MakeGraph, optimized: Optimized) -> None:
    net = graph(("N", 4))
    value = net.op("Relu", "x")
    names = [net.op("Identity", value) for _ in range(2)]
    assert sorted(optimized(net.finish(*names))) == ["Identity", "Relu"]


def test_what_is_declared_after_an_operator_of_another_domain_is_kept(graph: MakeGraph) -> None:
    net = graph((1, 4))
    net.nodes.append(helper.make_node("Own", ["x"], ["own"], domain="example"))
    y = net.op("Identity", "own")
    model = net.finish(y)
    model.opset_import.append(helper.make_opsetid("example", 1))
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info(y, TensorProto.FLOAT, [1, 7]))
    simplified = onnx.ModelProto.FromString(serialize_onnx(optimize(ir.from_proto(model))))
    assert [node.op_type for node in simplified.graph.node] == ["Own"]
    assert simplified.graph.output[0] == model.graph.output[0]


def test_names_types_and_free_axes_are_kept(graph: MakeGraph) -> None:
    net = graph(("N", 3, 8, "width"))
    net.op("Exp", "x")
    model = net.finish(net.op("Identity", net.batch_norm(_conv(net), 4)), net.op("Relu", "x"))
    simplified = onnx.ModelProto.FromString(serialize_onnx(optimize(ir.from_proto(model))))
    assert simplified.graph.input == model.graph.input
    assert [o.name for o in simplified.graph.output] == [o.name for o in model.graph.output]
    sizes = simplified.graph.output[0].type.tensor_type.shape.dim
    assert (sizes[0].dim_param, sizes[1].dim_value, sizes[2].dim_value) == ("N", 4, 6)


def test_an_input_that_nobody_reads_stays(graph: MakeGraph) -> None:
    net = graph((1, 4))
    model = net.finish(net.op("Relu", "x"))
    model.graph.input.append(helper.make_tensor_value_info("spare", TensorProto.FLOAT, [2]))
    assert [value.name for value in optimize(ir.from_proto(model)).graph.inputs] == ["x", "spare"]


def test_weights_that_are_listed_as_inputs_are_constants(
    graph: MakeGraph, optimized: Optimized
) -> None:
    # As files before IR version 4 must list them.
    net = graph((1, 3, 8, 8))
    model = net.finish(net.batch_norm(_conv(net), 4))
    model.ir_version = 3
    for tensor in model.graph.initializer:
        model.graph.input.append(
            helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        )
    assert optimized(model) == ["Conv"]


def test_functions_of_the_model_are_written_out(graph: MakeGraph) -> None:
    net = graph((1, 4))
    net.nodes.append(helper.make_node("Twice", ["x"], ["twice"], domain="example"))
    model = net.finish(net.op("Relu", "twice"))
    body = [helper.make_node("Add", ["a", "a"], ["b"])]
    opsets = [helper.make_opsetid("", 17)]
    model.functions.append(helper.make_function("example", "Twice", ["a"], ["b"], body, opsets))
    model.opset_import.append(helper.make_opsetid("example", 1))
    assert _types(model) == ["Add", "Relu"]


def test_a_copy_is_changed_alone(graph: MakeGraph) -> None:
    net = graph((1, 3, 8, 8))
    source = onnx.shape_inference.infer_shapes(net.finish(net.batch_norm(_conv(net), 4)))
    model = ir.from_proto(source)
    before = serialize_onnx(model)
    copy = copy_model(model)
    assert serialize_onnx(copy) == before
    copy.graph.remove(copy.graph[-1])
    copy.graph.inputs[0].name = "other"
    assert serialize_onnx(model) == before
    optimize(model)
    assert serialize_onnx(model) == before


def test_an_invalid_graph_is_not_written(graph: MakeGraph) -> None:
    net = graph((1, 4))
    model = net.finish(net.op("Relu", "x", colour=3))
    with pytest.raises(InternalError, match="colour"):
        serialize_onnx(ir.from_proto(onnx.shape_inference.infer_shapes(model)))
