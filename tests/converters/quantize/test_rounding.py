"""Adaptive rounding: other integers on the same grids, whose errors cancel in what is computed."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeml_converters.graph import copy_model, serialize_onnx
from edgeml_converters.quantize import Detail, Recipe, calibrate, quantize_int8
from edgeml_converters.quantize.affine import WEIGHT_MAX, symmetric_weights
from edgeml_converters.quantize.rounding import round_adaptively
from edgeml_converters.quantize.weighted import weighted

Floats = npt.NDArray[np.float32]
Build = Callable[[Any], str]


def _weights(net: Any, *shape: int) -> str:  # noqa: ANN401 - the class is of conftest
    return str(net.constant(net.random.normal(0, 0.3, shape)))


IMAGE_LAYERS: dict[str, Build] = {
    "conv": lambda net: net.op("Conv", "x", _weights(net, 6, 4, 3, 3), pads=[1] * 4),
    "strided": lambda net: net.op(
        "Conv", "x", _weights(net, 6, 4, 3, 2), strides=[2, 1], dilations=[1, 2]
    ),
    "pointwise": lambda net: net.op("Conv", "x", _weights(net, 8, 4, 1, 1)),
    "grouped": lambda net: net.op("Conv", "x", _weights(net, 6, 2, 3, 3), group=2),
    "depthwise": lambda net: net.op("Conv", "x", _weights(net, 4, 1, 3, 3), group=4),
}
ROW_LAYERS: dict[str, Build] = {
    "gemm": lambda net: net.op("Gemm", "x", _weights(net, 80, 7), _weights(net, 7)),
    "turned gemm": lambda net: net.op("Gemm", "x", _weights(net, 7, 80), transB=1),
    "matmul": lambda net: net.op("MatMul", "x", _weights(net, 80, 7)),
}
LAYERS = {**IMAGE_LAYERS, **ROW_LAYERS}


def _inputs(kind: str, seed: int, offset: float) -> Floats:
    """Return inputs whose entries go along with each other, as real ones do."""
    random = np.random.default_rng(seed)
    if kind in IMAGE_LAYERS:
        rough = random.standard_normal((6, 4, 9, 9))
        smooth = rough + np.roll(rough, 1, 2) + np.roll(rough, 1, 3) + np.roll(rough, 1, 1)
        return (smooth + offset).astype(np.float32)
    mixed = random.standard_normal((40, 12)) @ random.standard_normal((12, 80))
    return (mixed + 0.1 * random.standard_normal((40, 80)) + offset).astype(np.float32)


def _model(net: Callable[..., Any], kind: str, inputs: Floats, seed: int) -> tuple[ir.Model, str]:
    small = net(("N", *inputs.shape[1:]))
    small.random = np.random.default_rng(seed)
    output = LAYERS[kind](small)
    return small.finish(output), output


def _products(model: ir.Model, inputs: Floats) -> Mapping[str, npt.NDArray[Any]]:
    samples = [{"x": sample[np.newaxis]} for sample in inputs]
    return calibrate(model, samples, detail=Detail(products=True)).products


def _matrices(model: ir.Model) -> Floats:
    (item,) = (found for node in model.graph if (found := weighted(node)) is not None)
    return item.matrices


def _rounded(model: ir.Model, products: Mapping[str, npt.NDArray[Any]]) -> ir.Model:
    result = copy_model(model)
    round_adaptively(result.graph, products)
    return result


def _nearest(model: ir.Model) -> ir.Model:
    result = copy_model(model)
    for node in result.graph:
        item = weighted(node)
        if item is not None:
            matrices = item.matrices
            whole = symmetric_weights(matrices.reshape(-1, matrices.shape[2]), axis=0)
            restored = whole.values * whole.scales[:, None]
            item.with_matrices(restored.reshape(matrices.shape).astype(np.float32))
    return result


def _error(found: Floats, expected: Floats) -> float:
    return float(((found.astype(np.float64) - expected) ** 2).mean())


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(LAYERS)), st.integers(0, 999), st.sampled_from([0.0, 1.0, 5.0]))
def test_the_result_is_not_further_from_float_than_with_the_nearest_integers(
    net: Callable[..., Any], run: Callable[..., Any], kind: str, seed: int, offset: float
) -> None:
    inputs = _inputs(kind, seed, offset)
    model, output = _model(net, kind, inputs, seed)
    expected = run(model, {"x": inputs})[output]
    adaptive = _rounded(model, _products(model, inputs))
    errors = [
        _error(run(graph, {"x": inputs})[output], expected) for graph in (adaptive, _nearest(model))
    ]
    # The errors of the last taps find no more to take them up, which a short filter may feel.
    assert errors[0] <= errors[1] * (1.1 if kind == "depthwise" else 1 + 1e-3)


@pytest.mark.parametrize("kind", sorted(LAYERS.keys() - {"pointwise", "depthwise"}))
def test_it_is_much_nearer_where_inputs_go_along_with_each_other(
    net: Callable[..., Any], run: Callable[..., Any], kind: str
) -> None:
    inputs = _inputs(kind, 1, 1.0)
    model, output = _model(net, kind, inputs, 1)
    expected = run(model, {"x": inputs})[output]
    adaptive = _rounded(model, _products(model, inputs))
    near, far = (
        _error(run(graph, {"x": inputs})[output], expected) for graph in (adaptive, _nearest(model))
    )
    assert near < far / 1.2


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("offset", [0.0, 5.0])
def test_weights_stay_on_the_grid_of_the_same_scale(
    net: Callable[..., Any], kind: str, offset: float
) -> None:
    inputs = _inputs(kind, 3, offset)
    model, _ = _model(net, kind, inputs, 3)
    before = _matrices(model)
    after = _matrices(_rounded(model, _products(model, inputs)))
    assert after.shape == before.shape
    scales = np.abs(before).max(axis=2, keepdims=True) / WEIGHT_MAX
    np.testing.assert_array_equal(np.abs(after).max(axis=2), np.abs(before).max(axis=2))
    steps = after / scales
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-4)
    assert np.abs(np.rint(steps)).max() == WEIGHT_MAX


def _integers(model: ir.Model) -> list[npt.NDArray[Any]]:
    """Return the weights of a quantized graph as integers, and then their scales."""
    found = []
    for node in model.graph:
        if node.op_type == "DequantizeLinear" and node.attributes.get("axis") is not None:
            arrays = [value.const_value for value in node.inputs[:2] if value is not None]
            found += [array.numpy() for array in arrays if array is not None]
    return found


@pytest.mark.parametrize("kind", LAYERS)
def test_quantized_scales_are_the_same_and_only_integers_differ(
    net: Callable[..., Any], kind: str
) -> None:
    inputs = _inputs(kind, 3, 1.0)
    model, _ = _model(net, kind, inputs, 3)
    samples = [{"x": sample[np.newaxis]} for sample in inputs]
    seen = calibrate(model, samples, detail=Detail(products=True))
    recipes = [Recipe(round_adaptively=on, correct_bias=False) for on in (True, False)]
    adaptive, plain = (_integers(quantize_int8(model, seen, recipe)) for recipe in recipes)
    assert len(adaptive) == len(plain) >= 2
    np.testing.assert_array_equal(adaptive[1], plain[1])
    assert adaptive[0].dtype == plain[0].dtype == np.int8
    assert (adaptive[0] != plain[0]).any()
    np.testing.assert_array_equal(adaptive[0] == -128, plain[0] == -128)


def test_what_was_not_watched_is_not_rounded(net: Callable[..., Any]) -> None:
    model, _ = _model(net, "conv", _inputs("conv", 0, 0.0), 0)
    before = serialize_onnx(model)
    result = copy_model(model)
    assert round_adaptively(result.graph, {}) == {}
    assert serialize_onnx(result) == before


def test_the_exact_weights_are_returned_by_name(net: Callable[..., Any]) -> None:
    inputs = _inputs("conv", 0, 0.0)
    model, name = _model(net, "conv", inputs, 0)
    original = round_adaptively(copy_model(model).graph, _products(model, inputs))
    assert list(original) == [name]
    np.testing.assert_array_equal(original[name], _matrices(model))


@pytest.mark.parametrize("row", [0.0, 1e-30, 1.0])
def test_rows_of_zeros_and_inputs_that_are_always_zero_are_harmless(
    net: Callable[..., Any], row: float
) -> None:
    small = net(("N", 80))
    weights = small.random.normal(0, 0.3, (80, 3))
    weights[:, 1] *= row
    model = small.finish(small.op("MatMul", "x", small.constant(weights)))
    before = _matrices(model)
    for inputs in (np.zeros((4, 80), np.float32), np.eye(4, 80, dtype=np.float32)):
        after = _matrices(_rounded(model, _products(model, inputs)))
        scales = np.abs(before).max(axis=2, keepdims=True) / WEIGHT_MAX
        assert np.isfinite(after).all()
        assert (np.abs(after - before) <= scales * 1.01).all()
