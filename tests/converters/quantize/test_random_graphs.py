"""Any small network, quantized, runs and stays near its float self."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import numpy as np
import onnx_ir as ir
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeml_converters.graph import optimize
from edgeml_converters.quantize import (
    calibrate,
    halve_weights,
    quantization_summary,
    quantize_dynamic,
    quantize_int8,
    quantize_int8x16,
    quantize_lookups,
)
from edgeml_converters.quantize.plan import AMONG_FLOAT, SCALE_CONFLICT
from edgeml_converters.tflite import write_tflite
from edgeml_converters.tflite_import import import_tflite
from edgeml_runtime.engines import open_engine

LARGEST_GAPS = {"float16": 1e-4, "dynamic": 0.05, "int8x16": 1e-3}
"""Of the range: how far two engines may be apart that were given the same numbers to compute with,
and round activations as they like where they are dynamic."""
LARGEST_ERROR = 0.25  # of the standard deviation, root mean square, over at most six layers
PAD_BELOW_AND_RIGHT = [0, 0, 0, 0, 0, 0, 1, 1]
WINDOW = {"kernel_shape": [2, 2], "pads": [0, 0, 1, 1]}

Layer = Callable[[Any, str, int], tuple[str, int]]
"""The network, a value of it and its channels -> the value behind the layer and its channels."""


def _relu6(net: Any, x: str) -> str:  # noqa: ANN401 - the class is of conftest
    return str(net.op("Clip", x, net.constant(0), net.constant(6)))


def _turned_relu(net: Any, x: str) -> str:  # noqa: ANN401 - the class is of conftest
    there = net.op("Transpose", x, perm=[0, 2, 3, 1])
    return str(net.op("Transpose", net.op("Relu", there), perm=[0, 3, 1, 2]))


def _scaled(net: Any, x: str, c: int) -> str:  # noqa: ANN401 - the class is of conftest
    return str(net.op("Mul", x, net.constant(net.random.uniform(-2, 2, (1, c, 1, 1)))))


def _hard_swish(net: Any, x: str) -> str:  # noqa: ANN401 - the class is of conftest
    return str(net.op("Mul", x, net.op("HardSigmoid", x, alpha=1 / 6, beta=0.5)))


def _gelu(net: Any, x: str) -> str:  # noqa: ANN401 - the class is of conftest
    share = net.op("Erf", net.op("Mul", x, net.constant(0.5**0.5)))
    whole = net.op("Mul", x, net.op("Add", share, net.constant(1)))
    return str(net.op("Mul", whole, net.constant(0.5)))


def _swapped(net: Any, x: str) -> str:  # noqa: ANN401 - the class is of conftest
    sized = {"num_outputs": 2} if net.opset >= 18 else {}
    first, second = net.ops("Split", x, count=2, axis=1, **sized)
    return str(net.op("Concat", second, first, axis=1))


def _sloped(net: Any, x: str, c: int) -> str:  # noqa: ANN401 - the class is of conftest
    return str(net.op("PRelu", x, net.constant(net.random.uniform(0, 0.5, (c, 1, 1)))))


def _enlarged(net: Any, x: str, c: int) -> str:  # noqa: ANN401 - the class is of conftest
    weights = net.constant(net.random.normal(0, (2 / c) ** 0.5, (c, 4, 2, 2)))
    bias = net.constant(net.random.normal(0, 0.1, 4))
    return str(net.op("ConvTranspose", x, weights, bias, strides=[2, 2]))


def _cut(net: Any, x: str) -> str:  # noqa: ANN401 - the class is of conftest
    return str(net.op("Slice", x, *(net.constant([n], np.int64) for n in (1, 99, 2))))


LAYERS: dict[str, Layer] = {
    "conv": lambda net, x, c: (net.conv(x, c, 4), 4),
    "pointwise": lambda net, x, c: (net.conv(x, c, 6, side=1), 6),
    "depthwise": lambda net, x, c: (net.conv(x, c, c, group=c), c),
    "relu": lambda net, x, c: (net.op("Relu", x), c),
    "relu6": lambda net, x, c: (_relu6(net, x), c),
    "maxpool": lambda net, x, c: (net.op("MaxPool", x, **WINDOW), c),
    "averagepool": lambda net, x, c: (net.op("AveragePool", x, **WINDOW), c),
    "add": lambda net, x, c: (net.op("Add", x, net.conv(x, c, c)), c),
    "subtract": lambda net, x, c: (net.op("Sub", x, net.conv(x, c, c)), c),
    "scale": lambda net, x, c: (_scaled(net, x, c), c),
    "concat": lambda net, x, c: (
        net.op("Concat", x, _relu6(net, net.conv(x, c, 2)), axis=1),
        c + 2,
    ),
    "sigmoid": lambda net, x, c: (net.op("Sigmoid", x), c),
    "turn": lambda net, x, c: (_turned_relu(net, x), c),
    "hard sigmoid": lambda net, x, c: (net.op("HardSigmoid", x, alpha=0.2), c),
    "hard swish": lambda net, x, c: (_hard_swish(net, x), c),
    "gelu": lambda net, x, c: (_gelu(net, x), c),
    "leaky": lambda net, x, c: (net.op("LeakyRelu", x, alpha=0.1), c),
    "prelu": lambda net, x, c: (_sloped(net, x, c), c),
    "divide": lambda net, x, c: (net.op("Div", x, net.constant(3)), c),
    "transposed": lambda net, x, c: (_enlarged(net, x, c), 4),
    "swap": lambda net, x, c: (_swapped(net, x), c),
    "slice": lambda net, x, c: (_cut(net, x), c),
    "greater": lambda net, x, c: (net.op("Max", x, net.conv(x, c, c)), c),
    "pad": lambda net, x, c: (net.op("Pad", x, net.constant(PAD_BELOW_AND_RIGHT, np.int64)), c),
}
INEXACT = {"gelu", "hard sigmoid"}
"""Read back, it is spelled out: other kernels of float32, which may round a tie otherwise."""
NEEDS_OPSET_11 = {"relu6", "concat", "pad", "swap", "slice"}
HEADS: dict[str, Callable[[Any, str, int], str]] = {
    "none": lambda _net, x, _c: x,
    "pool": lambda net, x, _c: net.op("GlobalAveragePool", x),
    "gemm": lambda net, x, c: _product(net, "Gemm", x, c),
    "matmul": lambda net, x, c: _product(net, "MatMul", x, c),
    "softmax": lambda net, x, c: net.op("Softmax", _product(net, "Gemm", x, c), axis=1),
}


def _product(net: Any, op_type: str, x: str, c: int) -> str:  # noqa: ANN401 - the class is of conftest
    flat = net.op("Flatten", net.op("GlobalAveragePool", x))
    constants = [net.constant(net.random.normal(0, 1, (c, 5)))]
    if op_type == "Gemm":
        constants.append(net.constant(net.random.normal(0, 0.1, 5)))
    return str(net.op(op_type, flat, *constants))


def _float_model(small: Any, layers: list[str], head: str) -> tuple[ir.Model, str]:  # noqa: ANN401 - the class is of conftest
    value, channels = small.conv("x", 3, 4), 4
    for kind in layers:
        value, channels = LAYERS[kind](small, value, channels)
    output = HEADS[head](small, value, channels)
    return small.finish(output), output


def _quantized(model: ir.Model, inputs: np.ndarray) -> ir.Model:
    samples = [{"x": sample[np.newaxis]} for sample in inputs]
    return quantize_int8(model, calibrate(model, samples))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=6),
    st.sampled_from(sorted(HEADS)),
    st.sampled_from([9, 12, 13, 17, 21]),
)
def test_a_quantized_network_stays_near_the_float_one(
    net: Callable[..., Any], run: Callable[..., Any], layers: list[str], head: str, opset: int
) -> None:
    small = net(opset=max(opset, 11) if NEEDS_OPSET_11 & set(layers) else opset)
    float_model, output = _float_model(small, layers, head)
    inputs = np.random.default_rng(5).standard_normal((6, 3, 8, 8), np.float32)
    model = _quantized(float_model, inputs)

    reasons = {entry.reason for entry in quantization_summary(model).excluded}
    # A Sigmoid and a convolution in one Concat, and then what only moves its values on.
    assert reasons <= ({SCALE_CONFLICT, AMONG_FLOAT} if SCALE_CONFLICT in reasons else set())
    expected = run(float_model, {"x": inputs})[output]
    spread = max(float(expected.std()), float(np.abs(expected).mean()) / 4, 1e-6)
    for fused in (True, False):
        found = run(model, {"x": inputs}, fused=fused)[output]
        assert found.shape == expected.shape
        error = float(np.sqrt(((found - expected) ** 2).mean()))
        assert error <= LARGEST_ERROR * spread, f"{error} of {spread}"


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(LAYERS.keys() - INEXACT)), min_size=1, max_size=6),
    st.sampled_from(sorted(HEADS)),
)
def test_a_quantized_network_written_and_read_back_gives_the_same_numbers(
    net: Callable[..., Any], run: Callable[..., Any], layers: list[str], head: str
) -> None:
    """Exactly the same: scales, zero points and integers went through the TFLite file unchanged."""
    inputs = np.random.default_rng(5).standard_normal((6, 3, 8, 8), np.float32)
    float_model, output = _float_model(net(), layers, head)
    model = _quantized(float_model, inputs)
    written = write_tflite(model)
    with closing(open_engine("litert", written)) as engine:
        sizes = {"x": tuple(size or 1 for size in engine.inputs[0].shape)}
    imported = optimize(import_tflite(written, "net.tflite", sizes))
    image = inputs[:1]
    # As written: which integer kernels onnxruntime has, and how they round, depends on the opset.
    expected = run(model, {"x": image}, fused=False)[output]
    given_image = image if sizes["x"] == image.shape else image.transpose(0, 2, 3, 1)
    found = run(imported, {"x": np.ascontiguousarray(given_image)}, fused=False)[output]
    turned = expected.transpose(0, 2, 3, 1) if expected.ndim == 4 else expected
    assert np.array_equal(found, expected) or np.array_equal(found, turned)


def _both_forms(model: ir.Model, precision: str, inputs: np.ndarray) -> tuple[ir.Model, bytes]:
    """Return the ONNX graph and the TFLite file of a precision."""
    if precision == "float16":
        return halve_weights(model), write_tflite(model, "float16")
    if precision == "dynamic":
        return quantize_dynamic(model), write_tflite(quantize_lookups(model)[0], "int8")
    samples = [{"x": sample[np.newaxis]} for sample in inputs]
    quantized = quantize_int8x16(model, calibrate(model, samples))
    return quantized, write_tflite(quantized)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(LAYERS)), max_size=5),
    st.sampled_from(sorted(HEADS)),
    st.sampled_from(sorted(LARGEST_GAPS)),
    st.sampled_from(["litert", "litert-builtin"]),
)
def test_both_formats_of_a_precision_give_the_same_numbers(
    net: Callable[..., Any],
    run: Callable[..., Any],
    layers: list[str],
    head: str,
    precision: str,
    engine: str,
) -> None:
    small = net()
    value = small.conv(small.conv("x", 3, 40), 40, 4)  # with weights worth eight bits
    channels = 4
    for kind in layers:
        value, channels = LAYERS[kind](small, value, channels)
    output = HEADS[head](small, value, channels)
    model = small.finish(output)
    inputs = np.random.default_rng(5).standard_normal((4, 3, 8, 8), np.float32)
    graph, data = _both_forms(model, precision, inputs)
    expected = run(graph, {"x": inputs})[output]
    with closing(open_engine(engine, data)) as opened:
        sizes = opened.inputs[0].shape
        images = inputs if sizes[1] == 3 else inputs.transpose(0, 2, 3, 1)
        found = np.concatenate([opened.run({"x": image[np.newaxis]})[output] for image in images])
    if found.shape != expected.shape or (found.ndim == 4 and sizes[1] != 3):
        found = found.transpose(0, 3, 1, 2)
    span = max(float(np.ptp(expected)), float(np.abs(expected).max()) / 4, 1e-6)
    gap = float(np.abs(found - expected).max()) / span
    assert gap <= LARGEST_GAPS[precision], f"{gap} of the range"
