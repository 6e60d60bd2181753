"""The QDQ graph: which nodes, which scales, which names."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
import pytest

from edgeml_converters.graph import serialize_onnx
from edgeml_converters.quantize import (
    ExcludedNode,
    Observations,
    calibrate,
    quantization_summary,
    quantize_int8,
)
from edgeml_runtime.errors import InputError, UnsupportedError

Samples = list[dict[str, npt.NDArray[np.float32]]]
RANDOM = np.random.default_rng(11)
SAMPLES: Samples = [{"x": RANDOM.standard_normal((1, 3, 8, 8), np.float32)} for _ in range(4)]


def _quantized(model: ir.Model) -> ir.Model:
    return quantize_int8(model, calibrate(model, SAMPLES))


def _constant(value: ir.Value | None) -> npt.NDArray[Any]:
    assert value is not None
    assert value.const_value is not None
    return value.const_value.numpy()


def _node(model: ir.Model, op_type: str) -> ir.Node:
    (node,) = (node for node in model.graph if node.op_type == op_type)
    return node


def _count(model: ir.Model, op_type: str) -> int:
    return sum(node.op_type == op_type for node in model.graph)


def _output_scale(node: ir.Node) -> tuple[float, int]:
    (user,) = node.outputs[0].consumers()
    assert user.op_type == "QuantizeLinear"
    return float(_constant(user.inputs[1])), int(_constant(user.inputs[2]))


def _input_scale(node: ir.Node, position: int = 0) -> tuple[float, int]:
    value = node.inputs[position]
    assert value is not None
    maker = value.producer()
    assert maker is not None
    assert maker.op_type == "DequantizeLinear"
    return float(_constant(maker.inputs[1])), int(_constant(maker.inputs[2]))


def _stored(node: ir.Node, position: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any], int]:
    value = node.inputs[position]
    assert value is not None
    maker = value.producer()
    assert maker is not None
    return (
        _constant(maker.inputs[0]),
        _constant(maker.inputs[1]),
        maker.attributes["axis"].as_int(),
    )


def test_a_convolution_gets_integers_on_all_sides(net: Callable[..., Any]) -> None:
    small = net()
    model = _quantized(small.finish(small.conv("x", 3, 4)))
    conv = _node(model, "Conv")
    weights, weight_scales, weight_axis = _stored(conv, 1)
    bias, scales, bias_axis = _stored(conv, 2)
    assert (weights.dtype.name, weights.shape, weight_axis) == ("int8", (4, 3, 3, 3), 0)
    assert np.abs(weights.astype(int)).max(axis=(1, 2, 3)).tolist() == [127] * 4
    assert (bias.dtype.name, bias.shape, bias_axis) == ("int32", (4,), 0)
    np.testing.assert_array_equal(scales, np.float32(_input_scale(conv)[0]) * weight_scales)
    assert _output_scale(conv)[0] > 0


def test_inputs_and_outputs_stay_float_and_keep_their_names(net: Callable[..., Any]) -> None:
    small = net()
    conv = small.conv("x", 3, 4)
    model = _quantized(small.finish(conv, small.op("Relu", conv)))
    (value,) = model.graph.inputs
    assert (value.name, value.dtype) == ("x", ir.DataType.FLOAT)
    assert [user.op_type for user in value.consumers()] == ["QuantizeLinear"]
    for output, name in zip(model.graph.outputs, (conv, "Relu_1"), strict=True):
        maker = output.producer()
        assert maker is not None
        assert (output.name, maker.op_type) == (name, "DequantizeLinear")


@pytest.mark.parametrize("bounds", [None, (0.0, 6.0), (0.0, 0.5)])
def test_a_clamp_vanishes_into_the_range(
    net: Callable[..., Any], bounds: tuple[float, float] | None
) -> None:
    small = net()
    conv = small.conv("x", 3, 4)
    limits = [small.constant(bound) for bound in bounds or ()]
    clamp = small.op("Clip" if bounds else "Relu", conv, *limits)
    model = _quantized(small.finish(small.conv(clamp, 4, 4)))
    assert _count(model, "Clip") + _count(model, "Relu") == 0
    scale, zero_point = _output_scale(next(iter(n for n in model.graph if n.op_type == "Conv")))
    assert zero_point == -128
    if bounds is not None:
        assert 255 * scale <= bounds[1] * 1.0001


def test_a_clamp_whose_range_is_shared_with_negative_values_stays(net: Callable[..., Any]) -> None:
    small = net()
    conv = small.conv("x", 3, 4)
    both = small.op("Concat", small.op("Relu", small.conv("x", 3, 4)), conv, axis=1)
    model = _quantized(small.finish(both))
    relu, concat = _node(model, "Relu"), _node(model, "Concat")
    scales = {_input_scale(relu), _output_scale(relu), _output_scale(concat)}
    scales |= {_input_scale(concat, 0), _input_scale(concat, 1)}
    assert len(scales) == 1


def test_operators_that_move_values_share_one_scale(net: Callable[..., Any]) -> None:
    small = net()
    value = small.op("MaxPool", small.conv("x", 3, 4), kernel_shape=[2, 2], strides=[2, 2])
    value = small.op("Transpose", value, perm=[0, 2, 3, 1])
    value = small.op("Reshape", value, small.constant([0, 64], np.int64))
    value = small.op("Unsqueeze", value, small.constant([1], np.int64))
    value = small.op("Squeeze", value, small.constant([1], np.int64))
    model = _quantized(small.finish(small.op("Flatten", value)))
    moving = [
        node
        for node in model.graph
        if node.op_type in ("MaxPool", "Transpose", "Reshape", "Unsqueeze", "Squeeze", "Flatten")
    ]
    assert len(moving) >= 3  # the optimizer may merge some
    scales = {_output_scale(_node(model, "Conv"))}
    for node in moving:
        scales |= {_input_scale(node), _output_scale(node)}
    assert len(scales) == 1


def test_softmax_has_the_scale_that_tflite_demands(net: Callable[..., Any]) -> None:
    small = net()
    softmax = small.op("Softmax", small.conv("x", 3, 4), axis=-1)
    model = _quantized(small.finish(small.op("Flatten", softmax)))
    assert _output_scale(_node(model, "Softmax")) == (1 / 256, -128)
    assert _output_scale(_node(model, "Flatten")) == (1 / 256, -128)


def test_scales_that_cannot_be_shared_leave_the_node_in_float(net: Callable[..., Any]) -> None:
    small = net()
    conv = small.conv("x", 3, 4)
    both = small.op("Concat", small.op("Softmax", conv, axis=-1), conv, axis=1)
    summary = quantization_summary(_quantized(small.finish(both)))
    reasons = {entry.node: entry.reason for entry in summary.excluded}
    assert "fixed apart" in reasons[both]
    softmax = next(node for node in reasons if node != both)
    assert reasons == {both: reasons[both], softmax: "its neighbours are float"}


@pytest.mark.parametrize("transposed", [0, 1])
def test_a_gemm_has_its_factors_multiplied_in(
    net: Callable[..., Any], run: Callable[..., Any], transposed: int
) -> None:
    small = net()
    shape = (5, 192) if transposed else (192, 5)
    constants = small.constant(small.random.normal(0, 0.1, shape)), small.constant([[0.1]])
    flat = small.op("Flatten", "x")
    gemm = small.op("Gemm", flat, *constants, transB=transposed, alpha=0.5, beta=3.0)
    float_model = small.finish(gemm)
    model = _quantized(float_model)
    node = _node(model, "Gemm")
    assert not {"alpha", "beta"} & node.attributes.keys()
    weights, scales, axis = _stored(node, 1)
    assert (weights.shape, axis) == (shape, 1 - transposed)
    bias, _, _ = _stored(node, 2)
    assert scales.shape == bias.shape == (5,)
    feeds = SAMPLES[0]
    expected, found = run(float_model, feeds)[gemm], run(model, feeds)[gemm]
    np.testing.assert_allclose(found, expected, atol=0.03 * np.ptp(expected))


def test_constants_that_are_computed_with_become_int8(net: Callable[..., Any]) -> None:
    small = net()
    mean = small.constant(np.linspace(-1, 1, 3).reshape(1, 3, 1, 1))
    model = _quantized(small.finish(small.op("Sub", mean, small.op("Relu", "x"))))
    node = _node(model, "Sub")
    value = node.inputs[0]
    assert value is not None
    maker = value.producer()
    assert maker is not None
    assert _constant(maker.inputs[0]).dtype == np.int8


def test_a_bias_too_large_for_int32_enlarges_the_weight_scale(
    net: Callable[..., Any], run: Callable[..., Any]
) -> None:
    small = net()
    weights = small.random.normal(0, 1, (2, 3, 1, 1)) * np.array([1e-9, 1]).reshape(2, 1, 1, 1)
    constants = small.constant(weights), small.constant([100.0, 1.0])
    float_model = small.finish(small.op("Conv", "x", *constants))
    model = _quantized(float_model)
    bias, _, _ = _stored(_node(model, "Conv"), 2)
    assert np.abs(bias.astype(np.int64)).max() <= 1 << 30
    expected, found = (run(each, SAMPLES[0])["Conv_0"] for each in (float_model, model))
    np.testing.assert_allclose(found, expected, atol=0.01 * np.ptp(expected))


def test_float_nodes_are_listed_with_the_reason(net: Callable[..., Any]) -> None:
    small = net()
    conv = small.conv("x", 3, 4)
    erf = small.op("Erf", conv)
    flat = small.op("Flatten", erf)
    padded = small.op(
        "Pad", conv, small.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64), small.constant(1.0)
    )
    model = _quantized(small.finish(flat, padded))
    summary = quantization_summary(model)
    assert summary.quantized == (conv,)
    assert summary.samples == 4
    assert summary.excluded == (
        ExcludedNode(erf, "Erf has no int8 rule"),
        ExcludedNode(flat, "its neighbours are float"),
        ExcludedNode(padded, "it does not pad with zero"),
    )
    again = ir.from_proto(ir.to_proto(model))
    assert quantization_summary(again) == summary


def test_a_float_node_reads_the_unrounded_input(net: Callable[..., Any]) -> None:
    small = net()
    erf = small.op("Erf", "x")
    model = _quantized(small.finish(erf, small.conv("x", 3, 4)))
    assert _node(model, "Erf").inputs[0] is model.graph.inputs[0]
    assert model.graph.outputs[0] is _node(model, "Erf").outputs[0]


def test_moving_nodes_between_the_input_and_a_convolution_are_int8(net: Callable[..., Any]) -> None:
    small = net((1, 8, 8, 3))
    model = small.finish(small.conv(small.op("Transpose", "x", perm=[0, 3, 1, 2]), 3, 4))
    ranges = calibrate(model, [{"x": SAMPLES[0]["x"].transpose(0, 2, 3, 1)}])
    transpose = _node(quantize_int8(model, ranges), "Transpose")
    assert _input_scale(transpose) == _output_scale(transpose)


@pytest.mark.parametrize("op_type", ["Conv", "MatMul", "Add"])
def test_nodes_that_share_a_constant_load_with_exact_kernels(
    net: Callable[..., Any], run: Callable[..., Any], op_type: str
) -> None:
    """``run`` asks for ``session.x64quantprecision``, which fails where integers are shared."""
    small = net(("N", 8, 8, 8))
    shape = (8, 8, 1, 1) if op_type == "Conv" else (8, 8)
    shared = small.constant(small.random.normal(0, 0.3, shape))
    output = small.op(op_type, small.op(op_type, "x", shared), shared)
    float_model = small.finish(output)
    x = np.random.default_rng(3).standard_normal((1, 8, 8, 8), np.float32)
    model = quantize_int8(float_model, calibrate(float_model, [{"x": x}]))
    found, expected = (run(graph, {"x": x})[output] for graph in (model, float_model))
    assert np.abs(found - expected).max() <= 0.05 * np.abs(expected).max()


def test_the_float_model_is_not_changed_and_the_bytes_are_repeatable(
    net: Callable[..., Any],
) -> None:
    small = net()
    model = small.finish(small.op("Relu", small.conv("x", 3, 4)))
    before = serialize_onnx(model)
    ranges = calibrate(model, SAMPLES)
    first, second = (serialize_onnx(quantize_int8(model, ranges)) for _ in range(2))
    assert first == second
    assert serialize_onnx(model) == before


@pytest.mark.parametrize("opset", [9, 11, 12])
def test_an_old_opset_is_raised(
    net: Callable[..., Any], run: Callable[..., Any], opset: int
) -> None:
    small = net(opset=opset)
    pooled = small.op("GlobalAveragePool", small.conv("x", 3, 4))
    softmax = small.op("Softmax", small.op("Flatten", pooled), axis=1)
    float_model = small.finish(softmax)
    model = _quantized(float_model)
    assert model.opset_imports[""] == 13
    assert quantization_summary(model).excluded == ()
    expected, found = (run(each, SAMPLES[0])[softmax] for each in (float_model, model))
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_ranges_of_another_graph_are_refused(net: Callable[..., Any]) -> None:
    small = net()
    model = small.finish(small.conv("x", 3, 4))
    with pytest.raises(InputError, match="no calibrated range for tensor 'x'"):
        quantize_int8(model, Observations({}, 1))


def test_a_quantized_model_is_refused(net: Callable[..., Any]) -> None:
    small = net()
    model = _quantized(small.finish(small.conv("x", 3, 4)))
    with pytest.raises(UnsupportedError, match="quantized already"):
        quantize_int8(model, Observations({}, 1))


def test_a_model_without_integer_operators_is_refused(net: Callable[..., Any]) -> None:
    small = net()
    model = small.finish(small.op("Erf", "x"))
    with pytest.raises(UnsupportedError, match="Erf has no int8 rule"):
        _quantized(model)


def test_a_float_model_has_no_summary(net: Callable[..., Any]) -> None:
    small = net()
    with pytest.raises(InputError, match="does not say how it was quantized"):
        quantization_summary(small.finish(small.conv("x", 3, 4)))
