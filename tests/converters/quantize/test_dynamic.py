"""Int8 weights, and activations that are rounded as they come, if at all."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgeml_converters.graph import serialize_onnx
from edgeml_converters.quantize import (
    calibrate,
    quantization_summary,
    quantize_dynamic,
    quantize_int8x16,
    quantize_lookups,
)
from edgeml_runtime.errors import UnsupportedError

RANDOM = np.random.default_rng(4)
ROWS = RANDOM.standard_normal((3, 48), np.float32)


def _difference(run: Callable[..., Any], model: Any, other: Any, feeds: dict[str, Any]) -> float:  # noqa: ANN401 - graphs
    (expected,), (found,) = (tuple(run(graph, feeds).values()) for graph in (model, other))
    return float(np.abs(found - expected).max() / np.ptp(expected))


@pytest.mark.parametrize("transposed", [0, 1])
def test_a_gemm_is_one_integer_kernel(
    net: Callable[..., Any],
    run: Callable[..., Any],
    kernels: Callable[[Any], Counter[str]],
    transposed: int,
) -> None:
    small = net(("N", 48))
    shape = (64, 48) if transposed else (48, 64)
    weights = small.constant(small.random.normal(0, 1, shape))
    bias = small.constant(small.random.normal(0, 1, 64))
    factors = {"alpha": 0.5, "beta": 2.0, "transB": transposed}
    model = small.finish(small.op("Gemm", "x", weights, bias, **factors))
    quantized = quantize_dynamic(model)
    assert _difference(run, model, quantized, {"x": ROWS}) <= 0.02
    assert kernels(quantized)["DynamicQuantizeMatMul"] == 1


def test_products_of_one_input_round_it_once_and_share_weights(
    net: Callable[..., Any], run: Callable[..., Any]
) -> None:
    """``run`` asks for ``session.x64quantprecision``, which fails where integers are shared."""
    small = net(("N", 48))
    weights = small.constant(small.random.normal(0, 1, (48, 48)))
    parts = [small.op("MatMul", "x", weights), small.op("MatMul", "x", weights)]
    model = small.finish(small.op("Add", *parts))
    quantized = quantize_dynamic(model)
    counts = Counter(node.op_type for node in quantized.graph)
    assert (counts["DynamicQuantizeLinear"], counts["MatMulInteger"]) == (1, 2)
    assert _difference(run, model, quantized, {"x": ROWS}) <= 0.02


def test_convolutions_compute_in_float_with_weights_of_eight_bits(
    net: Callable[..., Any], run: Callable[..., Any]
) -> None:
    small = net()
    wide = small.conv(small.conv("x", 3, 48), 48, 48)
    model = small.finish(small.conv(wide, 48, 48, group=48))
    quantized = quantize_dynamic(model)
    summary = quantization_summary(quantized)
    assert summary.quantized == ("Conv_0", "Conv_1")
    (kept,) = summary.excluded
    assert (kept.node, kept.reason) == ("Conv_2", "its weights have fewer than 1024 elements")
    assert len(serialize_onnx(quantized)) < 0.4 * len(serialize_onnx(model))
    x = RANDOM.standard_normal((2, 3, 8, 8), np.float32)
    assert _difference(run, model, quantized, {"x": x}) <= 0.02


def test_an_embedding_looks_up_rows_with_their_own_scales(
    net: Callable[..., Any], run: Callable[..., Any]
) -> None:
    small = net(("N", 4))
    sizes = np.geomspace(1e-3, 1e3, 40)[:, np.newaxis] * small.random.uniform(0.5, 1, (40, 32))
    words = small.op("Cast", "x", to=7)
    output = small.op("Gather", small.constant(sizes), words)
    model = small.finish(output)
    looked_up, names = quantize_lookups(model)
    assert names == (output,)
    words = np.array([[0, 39, 7, -1], [20, 20, 3, 1]], np.float32)
    expected, found = (run(graph, {"x": words})[output] for graph in (model, looked_up))
    assert np.allclose(found, expected, rtol=0.01, atol=0.0)
    assert quantization_summary(quantize_dynamic(model)).quantized == names


def test_small_and_quantized_models_are_refused(net: Callable[..., Any]) -> None:
    small = net()
    tiny = small.finish(small.conv("x", 3, 4))
    with pytest.raises(UnsupportedError, match="none has 1024 elements"):
        quantize_dynamic(tiny)
    x = RANDOM.standard_normal((1, 3, 8, 8), np.float32)
    quantized = quantize_int8x16(tiny, calibrate(tiny, [{"x": x}]))
    with pytest.raises(UnsupportedError, match="quantized already"):
        quantize_dynamic(quantized)


def test_the_float_model_is_not_changed_and_the_bytes_are_repeatable(
    net: Callable[..., Any],
) -> None:
    small = net(("N", 48))
    model = small.finish(
        small.op("MatMul", "x", small.constant(small.random.normal(size=(48, 48))))
    )
    before = serialize_onnx(model)
    first, second = (serialize_onnx(quantize_dynamic(model)) for _ in range(2))
    assert first == second
    assert serialize_onnx(model) == before
