"""What is rewritten before a graph is planned, and what follows its neighbours into int8."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeml_converters.graph import optimize
from edgeml_converters.quantize import Recipe, calibrate, quantization_summary, quantize_int8

SAMPLE = {"x": np.random.default_rng(3).standard_normal((1, 3, 8, 8), np.float32)}


def _quantized(model: ir.Model) -> ir.Model:
    return quantize_int8(model, calibrate(model, [SAMPLE]))


def _counted(model: ir.Model) -> Counter[str]:
    return Counter(node.op_type for node in model.graph)


def _left_float(model: ir.Model) -> dict[str, str]:
    return {entry.node: entry.reason for entry in quantization_summary(model).excluded}


@pytest.mark.parametrize(
    ("op_type", "kernel"),
    [("Div", "QLinearMul"), ("Sub", "QLinearAdd"), ("Neg", "QLinearMul")],
)
def test_arithmetic_with_constants_gets_an_integer_kernel(
    net: Callable[..., Any],
    kernels: Callable[[ir.Model], Counter[str]],
    run: Callable[..., Any],
    op_type: str,
    kernel: str,
) -> None:
    small = net()
    operands = [] if op_type == "Neg" else [small.constant([[[2.0]], [[3.0]], [[-4.0]]])]
    model = small.finish(small.op(op_type, small.op("Sigmoid", "x"), *operands))
    quantized = _quantized(model)
    assert kernels(quantized)[kernel] == 1
    (expected,), (found,) = (run(m, SAMPLE).values() for m in (model, quantized))
    np.testing.assert_allclose(found, expected, atol=0.01 * np.ptp(expected))


def test_a_mean_over_images_gets_an_integer_kernel(
    net: Callable[..., Any], kernels: Callable[[ir.Model], Counter[str]]
) -> None:
    small = net()
    model = small.finish(small.op("ReduceMean", small.conv("x", 3, 4), axes=[-1, 2]))
    assert kernels(_quantized(model))["QLinearGlobalAveragePool"] == 1


def test_a_batch_normalization_is_one_convolution(
    net: Callable[..., Any], kernels: Callable[[ir.Model], Counter[str]], run: Callable[..., Any]
) -> None:
    small = net()
    numbers = (small.constant(small.random.uniform(0.5, 1.5, 3)) for _ in range(4))
    model = small.finish(small.op("BatchNormalization", "x", *numbers))
    quantized = _quantized(model)
    assert kernels(quantized)["QLinearConv"] == 1
    (expected,), (found,) = (run(m, SAMPLE).values() for m in (model, quantized))
    np.testing.assert_allclose(found, expected, atol=0.02 * np.ptp(expected))


@pytest.mark.parametrize("opset", [13, 14, 20])
def test_activations_that_were_spelled_out_round_once(
    net: Callable[..., Any], run: Callable[..., Any], opset: int
) -> None:
    small = net(opset=opset)
    value = small.conv("x", 3, 4)
    gate = small.op("Add", value, small.constant(3.0))
    gate = small.op("Clip", gate, small.constant(0.0), small.constant(6.0))
    value = small.op("Div", small.op("Mul", value, gate), small.constant(6.0))
    value = small.conv(value, 4, 4)
    erf = small.op("Erf", small.op("Div", value, small.constant(np.sqrt(2))))
    share = small.op("Add", erf, small.constant(1.0))
    product = small.op("Mul", value, share)
    model = small.finish(small.op("Mul", product, small.constant(0.5)))
    quantized = _quantized(model)
    assert quantized.opset_imports[""] == 20  # the first that has Gelu
    assert _left_float(quantized) == {}
    found = _counted(quantized)
    assert found["QuantizeLinear"] == 5  # of the input, two convolutions and two activations
    assert found["HardSwish"] == found["Gelu"] == 1
    (expected,), (got,) = (run(m, SAMPLE).values() for m in (model, quantized))
    np.testing.assert_allclose(got, expected, atol=0.05 * np.ptp(expected))


def test_a_spelled_out_activation_stays_float_by_the_name_of_its_last_node(
    net: Callable[..., Any],
) -> None:
    small = net(opset=20)
    value = small.conv("x", 3, 4)
    erf = small.op("Erf", small.op("Div", value, small.constant(np.sqrt(2))))
    product = small.op("Mul", value, small.op("Add", erf, small.constant(1.0)))
    model = small.finish(small.op("Mul", product, small.constant(0.5)))
    last = model.graph.outputs[0].producer()
    assert last is not None
    assert last.name
    recipe = Recipe(float_nodes=(last.name,))
    assert last.name in _left_float(quantize_int8(model, calibrate(model, [SAMPLE]), recipe))


def test_a_hard_swish_is_spelled_out_where_the_opset_lacks_it(
    net: Callable[..., Any], run: Callable[..., Any]
) -> None:
    small = net(opset=13)
    value = small.conv("x", 3, 4)
    gate = small.op("HardSigmoid", value, alpha=1 / 6, beta=0.5)
    model = small.finish(small.op("Mul", value, gate))
    quantized = _quantized(model)
    assert quantized.opset_imports[""] == 13
    assert _left_float(quantized) == {}
    assert _counted(quantized)["QuantizeLinear"] == 3
    (expected,), (got,) = (run(m, SAMPLE).values() for m in (model, quantized))
    np.testing.assert_allclose(got, expected, atol=0.05 * np.ptp(expected))


def test_a_normalization_between_products_stays_float(net: Callable[..., Any]) -> None:
    small = net()
    matrices = [small.constant(small.random.normal(0, 0.3, (8, 8))) for _ in range(2)]
    x = small.op("MatMul", "x", matrices[0])
    centred = small.op("Sub", x, small.op("ReduceMean", x, axes=[-1]))
    variance = small.op("ReduceMean", small.op("Mul", centred, centred), axes=[-1])
    spread = small.op("Sqrt", small.op("Add", variance, small.constant(1e-5)))
    scaled = small.op("Mul", small.op("Div", centred, spread), small.constant(np.arange(8.0)))
    y = small.op("Add", scaled, small.constant(np.ones(8)))
    quantized = _quantized(small.finish(small.op("MatMul", y, matrices[1])))
    names = quantization_summary(quantized).quantized
    assert [name.split("_")[0] for name in names] == ["MatMul", "MatMul"]


def test_all_outputs_of_a_split_have_the_scale_of_its_input(net: Callable[..., Any]) -> None:
    small = net()
    first, second = small.ops("Split", small.conv("x", 3, 4), count=2, axis=1)
    quantized = _quantized(small.finish(small.op("Sigmoid", first), small.op("Tanh", second)))
    (split,) = (node for node in quantized.graph if node.op_type == "Split")
    scales = set()
    for output in split.outputs:
        (user,) = output.consumers()
        assert user.op_type == "QuantizeLinear"
        scales.add(user.inputs[1])
    assert split.inputs[0] is not None
    maker = split.inputs[0].producer()
    assert maker is not None
    assert scales == {maker.inputs[1]}


def test_what_hides_tokens_does_not_decide_on_a_scale() -> None:
    """As of attention: a mask of 0 and 1, of which -10000 is added where it is 0."""
    infos = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, 8]),
        helper.make_tensor_value_info("mask", TensorProto.INT64, [1, 1, 4]),
    ]
    random = np.random.default_rng(0)
    constants = {
        "w": random.normal(0, 0.3, (8, 4)).astype(np.float32),
        "one": np.float32(1),
        "low": np.float32(-10000),
    }
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["scores"], name="scores"),
        helper.make_node("Cast", ["mask"], ["kept"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["one", "kept"], ["left"], name="left"),
        helper.make_node("Mul", ["left", "low"], ["hidden"], name="hidden"),
        helper.make_node("Add", ["scores", "hidden"], ["masked"], name="masked"),
        helper.make_node("Softmax", ["masked"], ["y"], name="softmax", axis=-1),
    ]
    tensors = [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "attention", infos, [output], tensors)
    opset = [helper.make_opsetid("", 17)]
    proto = helper.make_model(graph, opset_imports=opset, ir_version=8)
    model = optimize(ir.from_proto(onnx.shape_inference.infer_shapes(proto)))
    sample = {"x": SAMPLE["x"][:, 0, :4], "mask": np.array([[[1, 1, 1, 0]]])}
    quantized = quantize_int8(model, calibrate(model, [sample]))
    assert quantization_summary(quantized).quantized == ("scores",)
    assert "adds the mask 'hidden'" in _left_float(quantized)["masked"]
