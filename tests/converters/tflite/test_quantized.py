"""QDQ graphs become integer programs with the same scales, and compute the same integers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from edgeml_converters.graph import optimize
from edgeml_runtime.engines import open_engine
from edgeml_runtime.errors import UnsupportedError

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net

FASHION = Path(__file__).parents[3] / "examples" / "fashion"


class _Samples(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime is untyped
    def __init__(self, samples: Sequence[dict[str, np.ndarray]]) -> None:
        self.samples = iter(samples)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.samples, None)


def quantized(
    model: onnx.ModelProto,
    folder: Path,
    samples: Sequence[dict[str, np.ndarray]],
    activations: QuantType = QuantType.QInt8,
    *,
    per_channel: bool = True,
) -> onnx.ModelProto:
    """Return the QDQ graph that onnxruntime's own tool makes."""
    source = ir.to_proto(optimize(ir.from_proto(model)))
    onnx.save(source, folder / "float.onnx")
    quantize_static(
        folder / "float.onnx",
        folder / "int8.onnx",
        _Samples(samples),
        quant_format=QuantFormat.QDQ,
        per_channel=per_channel,
        activation_type=activations,
        weight_type=QuantType.QInt8,
    )
    return onnx.load(folder / "int8.onnx")


def _samples(model: onnx.ModelProto, count: int = 8) -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(5)
    value = model.graph.input[0]
    shape = [d.dim_value or 1 for d in value.type.tensor_type.shape.dim]
    return [{value.name: rng.standard_normal(shape).astype(np.float32)} for _ in range(count)]


def assert_within_one_quantum(converted: Converted, least_equal: float = 0.95) -> None:
    """Assert that outputs differ by one step of the last scale at most, and rarely."""
    for name, expected in converted.expected.items():
        steps = np.abs(converted.results[name] - expected) / _step(converted, name)
        assert steps.max() < 1.5, (name, steps.max())
        assert (steps < 0.5).mean() >= least_equal, (name, (steps < 0.5).mean())


def _step(converted: Converted, name: str) -> float:
    """Return the scale of an output: the least distance of two values it takes."""
    values = np.unique(converted.expected[name])
    gaps = np.diff(values)
    return float(gaps[gaps > 1e-9].min())


@pytest.mark.parametrize("activations", [QuantType.QInt8, QuantType.QUInt8])
@pytest.mark.parametrize("per_channel", [True, False])
def test_depthwise_network(
    net: type[Net],
    convert: Callable[..., Converted],
    tmp_path: Path,
    activations: QuantType,
    per_channel: bool,
) -> None:
    graph = net()
    x = graph.conv(graph.input("image", ["n", 3, 16, 16]), (3, 8), strides=[2, 2])
    y = graph.conv(x, (8, 8), groups=8)
    y = graph.op("Add", x, graph.conv(y, (8, 8), kernel=1, relu6=False))
    y = graph.op("Flatten", graph.op("GlobalAveragePool", y))
    model = graph.model(graph.gemm(y, 8, 50))
    samples = _samples(model)
    model = quantized(model, tmp_path, samples, activations, per_channel=per_channel)
    converted = convert(model, samples[0])
    assert converted.ops == [
        *("QUANTIZE", "PAD", "CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D", "ADD", "MEAN"),
        *("FULLY_CONNECTED", "DEQUANTIZE"),
    ]
    assert_within_one_quantum(converted)


def test_grouped_convolutions_are_one_integer_operator(
    net: type[Net], convert: Callable[..., Converted], tmp_path: Path
) -> None:
    """As of ResNeXt and ShuffleNet: neither dense nor depthwise; with a delegate and without."""
    graph = net()
    value = graph.conv(graph.input("x", [1, 16, 9, 9]), (16, 24), kernel=1)
    output = graph.conv(value, (24, 16), groups=4)
    model = graph.model(output)
    samples = _samples(model)
    converted = convert(quantized(model, tmp_path, samples), samples[0])
    assert converted.ops == ["QUANTIZE", "CONV_2D", "CONV_2D", "DEQUANTIZE"]
    assert_within_one_quantum(converted)
    image = np.ascontiguousarray(samples[0]["x"].transpose(0, 2, 3, 1))
    with closing(open_engine("litert-builtin", converted.data)) as engine:
        found = engine.run({"x": image})
    assert_within_one_quantum(replace(converted, results=found))


def test_scales_are_those_of_the_source(
    net: type[Net], convert: Callable[..., Converted], tmp_path: Path
) -> None:
    graph = net()
    x = graph.conv(graph.input("image", [1, 3, 8, 8]), (3, 6))
    model = graph.model(graph.conv(x, (6, 6), groups=6, relu6=False))
    source = quantized(model, tmp_path, _samples(model))
    constants = {t.name: onnx.numpy_helper.to_array(t) for t in source.graph.initializer}
    scales = {
        node.input[0]: constants[node.input[1]]
        for node in source.graph.node
        if node.op_type == "DequantizeLinear"
    }
    converted = convert(source)
    stored = {t.name.decode(): t.quantization for t in converted.tensors if t.quantization}
    weights = [q for q in stored.values() if len(q.scale) == 6 and not np.any(q.zeroPoint)]
    expected = [s for s in scales.values() if s.shape == (6,)]
    for scale in expected:
        assert any(np.array_equal(q.scale, scale) for q in weights)
    assert {q.quantizedDimension for q in weights} == {0, 3}
    activations = [s for s in scales.values() if s.ndim == 0]
    for scale in activations:
        assert any(np.array_equal(q.scale, [scale]) for q in stored.values())


@pytest.mark.parametrize("pool", ["MaxPool", "AveragePool"])
def test_pools_reshapes_and_concatenation(
    net: type[Net], convert: Callable[..., Converted], tmp_path: Path, pool: str
) -> None:
    graph = net()
    x = graph.input("image", [1, 3, 8, 8])
    a, b = graph.conv(x, (3, 4)), graph.conv(x, (3, 4), relu6=False)
    y = graph.op("Concat", a, b, axis=1)
    y = graph.op("Transpose", graph.op(pool, y, kernel_shape=[2, 2]), perm=[0, 2, 3, 1])
    model = graph.model(graph.op("Reshape", y, graph.const([1, 49, 8], "int64")))
    samples = _samples(model)
    converted = convert(quantized(model, tmp_path, samples), samples[0])
    assert "TRANSPOSE" not in converted.ops
    # Other scales than the concatenation's are requantized, pools round ties away from zero.
    assert_within_one_quantum(converted, least_equal=0.8)


def test_flattened_features_permute_quantized_weights(
    net: type[Net], convert: Callable[..., Converted], tmp_path: Path
) -> None:
    graph = net()
    x = graph.conv(graph.input("image", [1, 3, 6, 5]), (3, 4))
    model = graph.model(graph.gemm(graph.op("Flatten", x), 120, 40))
    samples = _samples(model)
    converted = convert(quantized(model, tmp_path, samples), samples[0])
    assert converted.ops == ["QUANTIZE", "CONV_2D", "FULLY_CONNECTED", "DEQUANTIZE"]
    assert_within_one_quantum(converted)


def test_operators_without_an_integer_form_stay_float(
    net: type[Net], convert: Callable[..., Converted], tmp_path: Path
) -> None:
    graph = net()
    x = graph.conv(graph.input("image", [1, 3, 8, 8]), (3, 4), relu6=False)
    y = graph.op("Div", x, graph.op("Add", graph.op("Sigmoid", x), graph.const(1.0)))
    model = graph.model(graph.conv(y, (4, 4), kernel=1, relu6=False))
    samples = _samples(model)
    converted = convert(quantized(model, tmp_path, samples), samples[0])
    assert converted.ops.count("QUANTIZE") >= 2
    assert_within_one_quantum(converted, least_equal=0.9)


def test_softmax_at_the_end(
    net: type[Net], convert: Callable[..., Converted], tmp_path: Path
) -> None:
    graph = net()
    x = graph.input("x", [1, 20])
    model = graph.model(graph.op("Softmax", graph.gemm(x, 20, 10)))
    samples = _samples(model)
    converted = convert(quantized(model, tmp_path, samples), samples[0])
    assert_within_one_quantum(converted, least_equal=0.5)


def _integer_model(dtype: int) -> onnx.ModelProto:
    """A network whose input and output are quantized integers themselves."""
    helper, rng = onnx.helper, np.random.default_rng(0)
    kind = np.int8 if dtype == onnx.TensorProto.INT8 else np.uint8
    constants = {
        "sx": np.float32(0.05),
        "zx": kind(5),
        "sy": np.float32(0.1),
        "zy": kind(9),
        "w": rng.integers(-127, 128, (4, 3, 1, 1)).astype(np.int8),
        "sw": rng.uniform(0.001, 0.01, 4).astype(np.float32),
        "zw": np.zeros(4, np.int8),
    }
    nodes = [
        helper.make_node("DequantizeLinear", ["x", "sx", "zx"], ["xf"]),
        helper.make_node("DequantizeLinear", ["w", "sw", "zw"], ["wf"], axis=0),
        helper.make_node("Conv", ["xf", "wf"], ["yf"]),
        helper.make_node("QuantizeLinear", ["yf", "sy", "zy"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "integers",
        [helper.make_tensor_value_info("x", dtype, ["n", 3, 6, 6])],
        [helper.make_tensor_value_info("y", dtype, ["n", 4, 6, 6])],
        [onnx.numpy_helper.from_array(np.array(v), k) for k, v in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


@pytest.mark.parametrize("dtype", [onnx.TensorProto.INT8, onnx.TensorProto.UINT8])
def test_integer_inputs_and_outputs_keep_their_type(
    convert: Callable[..., Converted], dtype: int
) -> None:
    model = _integer_model(dtype)
    signed = dtype == onnx.TensorProto.INT8
    low, high, kind = (-128, 127, np.int8) if signed else (0, 255, np.uint8)
    x = np.random.default_rng(1).integers(low, high, (1, 3, 6, 6), endpoint=True).astype(kind)
    converted = convert(model, {"x": x})
    assert converted.results["y"].dtype == kind
    difference = converted.results["y"].astype(int) - converted.expected["y"].astype(int)
    assert np.abs(difference).max() <= 1
    assert (difference == 0).mean() > 0.95
    assert converted.ops == (["CONV_2D"] if signed else ["QUANTIZE", "CONV_2D", "QUANTIZE"])


def test_fashion_example(convert: Callable[..., Converted], tmp_path: Path) -> None:
    model = onnx.load(FASHION / "fashion.onnx")
    images = np.load(FASHION / "calibration.npz")["inputs"]
    pixels = (images.reshape(-1, 1, 1, 28, 28).astype(np.float32) / 255 - 0.286) / 0.353
    samples = [{model.graph.input[0].name: image} for image in pixels]
    source = quantized(model, tmp_path, samples[:20])
    converted = convert(source, samples[30])
    assert converted.ops.count("QUANTIZE") == converted.ops.count("DEQUANTIZE") == 1
    assert len(converted.ops) == 17
    assert_within_one_quantum(converted, least_equal=0.5)


@pytest.mark.parametrize("bounds", [(0.0, None), (0.0, 6.0), (-0.5, 1.0), (0.1, None)])
def test_bounds_that_no_operator_before_them_takes(
    net: type[Net],
    convert: Callable[..., Converted],
    tmp_path: Path,
    bounds: tuple[float, float | None],
) -> None:
    graph = net()
    x = graph.conv(graph.input("image", [1, 3, 8, 8]), (3, 6), relu6=False)
    # Two readers, so that the pool cannot apply the bounds by itself.
    pooled = graph.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    low, high = bounds
    limits = [graph.const(low)] + ([graph.const(high)] if high is not None else [])
    clipped = graph.op("Clip", pooled, *limits)
    model = graph.model(graph.op("Concat", pooled, clipped, axis=1))
    samples = _samples(model)
    converted = convert(quantized(model, tmp_path, samples), samples[0])
    # Two tensors of other scales are joined, so that many elements are rounded twice.
    assert_within_one_quantum(converted, least_equal=0.5)


def _twice_quantized(read_at: float) -> onnx.ModelProto:
    """An image at two scales: a convolution reads one, a Reshape the other, both quantized on."""
    helper, rng = onnx.helper, np.random.default_rng(0)
    constants = {
        "s1": np.float32(0.02),
        "s2": np.float32(0.05),
        "read": np.float32(read_at),
        "z": np.int8(3),
        "w": rng.integers(-127, 128, (4, 3, 1, 1)).astype(np.int8),
        "sw": np.full(4, 0.01, np.float32),
        "zw": np.zeros(4, np.int8),
        "shape": np.array([1, 90]),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s1", "z"], ["a"]),
        helper.make_node("DequantizeLinear", ["a", "s1", "z"], ["af"]),
        helper.make_node("DequantizeLinear", ["w", "sw", "zw"], ["wf"], axis=0),
        helper.make_node("Conv", ["af", "wf"], ["cf"]),
        helper.make_node("QuantizeLinear", ["cf", "s2", "z"], ["c"]),
        helper.make_node("DequantizeLinear", ["c", "s2", "z"], ["conv"]),
        helper.make_node("QuantizeLinear", ["af", "s2", "z"], ["b"]),
        helper.make_node("DequantizeLinear", ["b", "read", "z"], ["bf"]),
        helper.make_node("Reshape", ["bf", "shape"], ["flat"]),
    ]
    graph = helper.make_graph(
        nodes,
        "twice",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 3, 6, 5])],
        [
            helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
            for name in ("conv", "flat")
        ],
        [onnx.numpy_helper.from_array(np.array(v), k) for k, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return onnx.shape_inference.infer_shapes(model)


def test_an_image_is_requantized_in_the_order_it_lies_in(
    convert: Callable[..., Converted],
) -> None:
    converted = convert(_twice_quantized(read_at=0.05))
    assert_within_one_quantum(converted)


def test_integers_read_at_another_scale_are_refused(convert: Callable[..., Converted]) -> None:
    with pytest.raises(UnsupportedError, match="at another scale"):
        convert(_twice_quantized(read_at=0.04))
