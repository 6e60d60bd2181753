"""Int8 weights with activations of 16 bits: where 8 are too coarse."""

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from edgeml_converters.inspection.tflite_document import read_model
from edgeml_converters.quantize import (
    calibrate,
    quantization_summary,
    quantize_int8,
    quantize_int8x16,
)
from edgeml_converters.tflite import write_tflite
from edgeml_runtime.engines import open_engine

X = np.random.default_rng(6).standard_normal((8, 3, 8, 8), np.float32)
SAMPLES = [{"x": sample[np.newaxis]} for sample in X]


def _sqnr_db(expected: np.ndarray, found: np.ndarray) -> float:
    noise = float(((expected - found) ** 2).sum())
    return 10 * float(np.log10(float((expected**2).sum()) / noise))


def _uneven(small: Any) -> str:  # noqa: ANN401 - the class is of conftest
    """Channels a thousand times apart, and weights that make them equal again."""
    sizes = np.geomspace(1, 1000, 8).reshape(8, 1, 1, 1)
    spread = small.constant(small.random.normal(0, 0.3, (8, 3, 3, 3)) * sizes)
    even = small.constant(small.random.normal(0, 0.3, (8, 1, 3, 3)) / sizes)
    value = small.op("Relu", small.op("Conv", "x", spread, pads=[1] * 4))
    value = small.op("Conv", value, even, pads=[1] * 4, group=8)
    return str(small.op("GlobalAveragePool", small.op("Relu", value)))


@pytest.mark.parametrize("engine", ["onnxruntime", "litert", "litert-builtin"])
def test_wide_ranges_need_sixteen_bits(
    net: Callable[..., Any], run: Callable[..., Any], engine: str
) -> None:
    small = net()
    output = _uneven(small)
    model = small.finish(output)
    ranges = calibrate(model, SAMPLES)
    expected = run(model, {"x": X})[output]
    ratios_db = []
    for quantize in (quantize_int8, quantize_int8x16):
        quantized = quantize(model, ranges)
        if engine == "onnxruntime":
            found = run(quantized, {"x": X})[output]
        else:
            with closing(open_engine(engine, write_tflite(quantized))) as opened:
                images = X.transpose(0, 2, 3, 1)
                found = np.concatenate([opened.run({"x": i[np.newaxis]})[output] for i in images])
                found = found.reshape(expected.shape)
        ratios_db.append(_sqnr_db(expected, found))
    int8_db, int8x16_db = ratios_db
    assert int8x16_db >= 35.0
    assert int8x16_db >= int8_db + 10.0


def test_activations_are_symmetric_and_clamps_go_with_what_they_clamp(
    net: Callable[..., Any],
) -> None:
    small = net()
    value = small.op("Relu", small.conv("x", 3, 4))
    value = small.op("Sigmoid", small.op("Add", value, small.conv(value, 4, 4)))
    float_model = small.finish(small.op("Softmax", value))
    model = quantize_int8x16(float_model, calibrate(float_model, SAMPLES))
    relu = next(node for node in model.graph if node.op_type == "Relu")
    assert relu.inputs[0] is not None
    maker = relu.inputs[0].producer()
    assert maker is not None
    assert maker.op_type == "Conv"
    assert model.opset_imports[""] >= 21
    assert quantization_summary(model).scheme == "int8x16"
    for node in model.graph:
        if node.op_type == "QuantizeLinear":
            zero_point = node.inputs[2]
            assert zero_point is not None
            assert zero_point.const_value is not None
            assert zero_point.dtype == ir.DataType.INT16
            assert not zero_point.const_value.numpy().any()


def test_the_tflite_file_computes_all_of_it_in_integers(net: Callable[..., Any]) -> None:
    small = net()
    output = _uneven(small)
    model = small.finish(output)
    data = write_tflite(quantize_int8x16(model, calibrate(model, SAMPLES)))
    stored = read_model(data, "net.tflite").graphs[0]
    assert [operator.name for operator in stored.operators] == [
        *("QUANTIZE", "CONV_2D", "DEPTHWISE_CONV_2D", "MEAN", "DEQUANTIZE"),
    ]
    assert {t.type for t in stored.tensors if t.quantized} == {"INT8", "INT16", "INT64"}


def test_what_has_no_integer_form_is_float_between(
    net: Callable[..., Any], run: Callable[..., Any]
) -> None:
    small = net()
    output = small.conv(small.op("Elu", small.conv("x", 3, 4)), 4, 4)
    model = small.finish(output)
    quantized = quantize_int8x16(model, calibrate(model, SAMPLES))
    (excluded,) = quantization_summary(quantized).excluded
    assert excluded.reason == "Elu has no int8 rule"
    stored = read_model(write_tflite(quantized), "net.tflite").graphs[0]
    counts = Counter(operator.name for operator in stored.operators)
    assert (counts["QUANTIZE"], counts["DEQUANTIZE"]) == (2, 2)
    expected, found = (run(graph, {"x": X})[output] for graph in (model, quantized))
    assert _sqnr_db(expected, found) >= 35.0


@pytest.mark.parametrize("op_type", ["Gemm", "MatMul"])
def test_onnxruntime_does_not_round_a_product_to_eight_bits(
    net: Callable[..., Any],
    run: Callable[..., Any],
    kernels: Callable[[ir.Model], Counter[str]],
    op_type: str,
) -> None:
    small = net(("N", 64))
    output = small.op(op_type, "x", small.constant(small.random.normal(0, 1, (64, 48))))
    model = small.finish(output)
    rows = np.random.default_rng(1).standard_normal((4, 64), np.float32)
    quantized = quantize_int8x16(model, calibrate(model, [{"x": row[np.newaxis]} for row in rows]))
    assert "MatMulNBits" not in kernels(quantized)
    plain, fused = (run(quantized, {"x": rows}, fused=f)[output] for f in (False, True))
    assert np.abs(plain - fused).max() <= 1e-4 * np.ptp(plain)
