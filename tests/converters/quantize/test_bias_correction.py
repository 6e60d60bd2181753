"""Rounded weights shift the means of what they make; the bias takes that back."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
import pytest

from edgeml_converters.graph import serialize_onnx
from edgeml_converters.quantize import Recipe, calibrate, quantize_int8, quantize_int8x16
from edgeml_converters.quantize.constants import constant_floats

Floats = npt.NDArray[np.float32]
Build = Callable[[Any], str]
WITH, WITHOUT = Recipe(), Recipe(correct_bias=False)
IMAGES = np.random.default_rng(2).uniform(0.5, 3, (40, 4, 10, 10)).astype(np.float32)
ROWS = np.random.default_rng(2).uniform(0.5, 3, (2000, 24)).astype(np.float32)


def _weights(net: Any, *shape: int) -> str:  # noqa: ANN401 - the class is of conftest
    return str(net.constant(net.random.normal(0, 0.3, shape)))


def _gemm(net: Any, *, bias: bool = True, transposed: bool = False, **factors: float) -> str:  # noqa: ANN401 - the class is of conftest
    weights = _weights(net, 7, 24) if transposed else _weights(net, 24, 7)
    constants = [weights, _weights(net, 7)] if bias else [weights]
    return str(net.op("Gemm", "x", *constants, transB=int(transposed), **factors))


IMAGE_LAYERS: dict[str, Build] = {
    "conv with a bias": lambda net: net.op(
        "Conv", "x", _weights(net, 6, 4, 3, 3), _weights(net, 6)
    ),
    "conv without a bias": lambda net: net.op("Conv", "x", _weights(net, 6, 4, 3, 3)),
    "pointwise": lambda net: net.op("Conv", "x", _weights(net, 6, 4, 1, 1)),
    "depthwise": lambda net: net.op("Conv", "x", _weights(net, 4, 1, 3, 3), group=4),
    "depthwise, twice as many": lambda net: net.op(
        "Conv", "x", _weights(net, 8, 1, 3, 3), _weights(net, 8), group=4
    ),
    "grouped": lambda net: net.op("Conv", "x", _weights(net, 6, 2, 3, 3), group=2, strides=[2, 2]),
}
ROW_LAYERS: dict[str, Build] = {
    "gemm": _gemm,
    "gemm without a bias": lambda net: _gemm(net, bias=False),
    "gemm, transposed": lambda net: _gemm(net, transposed=True),
    "gemm with factors": lambda net: _gemm(net, alpha=0.5, beta=3.0),
    "gemm with a negative factor": lambda net: _gemm(net, alpha=-2.0, beta=-0.25, transposed=True),
    "gemm with factors, without a bias": lambda net: _gemm(net, bias=False, alpha=0.5, beta=3.0),
    "matmul and add": lambda net: net.op(
        "Add", net.op("MatMul", "x", _weights(net, 24, 7)), _weights(net, 7)
    ),
    "add and matmul": lambda net: net.op(
        "Add", _weights(net, 1, 7), net.op("MatMul", "x", _weights(net, 24, 7))
    ),
}
LAYERS = {**dict.fromkeys(IMAGE_LAYERS, IMAGES), **dict.fromkeys(ROW_LAYERS, ROWS)}


def _model(net: Callable[..., Any], kind: str) -> tuple[ir.Model, str, Floats]:
    inputs = LAYERS[kind]
    small = net(("N", *inputs.shape[1:]))
    output = {**IMAGE_LAYERS, **ROW_LAYERS}[kind](small)
    return small.finish(output), output, inputs


def _shifts(found: Floats, expected: Floats) -> npt.NDArray[np.float64]:
    """Return by how much the mean of each channel is off."""
    others = tuple(axis for axis in range(expected.ndim) if axis != 1)
    return np.asarray(np.abs((found.astype(np.float64) - expected).mean(axis=others)))


@pytest.mark.parametrize("quantize", [quantize_int8, quantize_int8x16])
@pytest.mark.parametrize("kind", LAYERS)
def test_the_mean_of_each_channel_is_nearer_to_float(
    net: Callable[..., Any],
    run: Callable[..., Any],
    kind: str,
    quantize: Callable[..., ir.Model],
) -> None:
    model, output, inputs = _model(net, kind)
    seen = calibrate(model, [{"x": sample[np.newaxis]} for sample in inputs])
    expected = run(model, {"x": inputs})[output]
    corrected, plain = (
        _shifts(run(quantize(model, seen, recipe), {"x": inputs}, fused=False)[output], expected)
        for recipe in (WITH, WITHOUT)
    )
    step = float(np.ptp(expected)) / 255
    assert corrected.max() < plain.max() / 2
    # Averaged, the rounding of the activations leaves a little.
    assert (corrected <= plain + step / 20).all()


def test_a_matmul_without_an_add_is_left_alone(net: Callable[..., Any]) -> None:
    for others in ([], ["Relu"]):
        small = net(("N", 24))
        value = small.op("MatMul", "x", _weights(small, 24, 7))
        for op_type in others:
            value = small.op(op_type, value)
        model = small.finish(value)
        seen = calibrate(model, [{"x": row[np.newaxis]} for row in ROWS[:20]])
        made = [serialize_onnx(quantize_int8(model, seen, recipe)) for recipe in (WITH, WITHOUT)]
        assert made[0] == made[1]


def test_an_add_that_others_read_around_is_left_alone(net: Callable[..., Any]) -> None:
    small = net(("N", 24))
    product = small.op("MatMul", "x", _weights(small, 24, 7))
    added = small.op("Add", product, _weights(small, 7))
    model = small.finish(small.op("Mul", added, small.op("Sigmoid", product)))
    seen = calibrate(model, [{"x": row[np.newaxis]} for row in ROWS[:20]])
    made = [serialize_onnx(quantize_int8(model, seen, recipe)) for recipe in (WITH, WITHOUT)]
    assert made[0] == made[1]


def _bias(model: ir.Model, name: str) -> Floats | None:
    (node,) = (node for node in model.graph if node.name == name)
    return constant_floats(node.inputs[2]) if len(node.inputs) > 2 else None


@pytest.mark.parametrize("kind", ["with a bias", "without"])
def test_a_node_that_is_kept_float_keeps_its_bias(net: Callable[..., Any], kind: str) -> None:
    small = net(("N", 4, 10, 10))
    first = small.conv("x", 4, 5)
    constants = [_weights(small, 6, 5, 3, 3)]
    if kind == "with a bias":
        constants.append(_weights(small, 6))
    kept = small.op("Conv", first, *constants)
    model = small.finish(small.conv(kept, 6, 3))
    before = _bias(model, kept)
    seen = calibrate(model, [{"x": image[np.newaxis]} for image in IMAGES[:5]])
    after = _bias(quantize_int8(model, seen, Recipe(float_nodes=(kept,))), kept)
    assert (before is None) == (after is None) == (kind == "without")
    if before is not None and after is not None:
        np.testing.assert_array_equal(before, after)


def test_a_bias_that_two_share_is_corrected_for_each(
    net: Callable[..., Any], run: Callable[..., Any]
) -> None:
    small = net(("N", 4, 10, 10))
    bias = _weights(small, 6)
    outputs = [small.op("Conv", "x", _weights(small, 6, 4, 3, 3), bias) for _ in range(2)]
    model = small.finish(*outputs)
    seen = calibrate(model, [{"x": image[np.newaxis]} for image in IMAGES])
    expected = run(model, {"x": IMAGES})
    made = [quantize_int8(model, seen, recipe) for recipe in (WITH, WITHOUT)]
    for output in outputs:
        corrected, plain = (
            _shifts(run(found, {"x": IMAGES}, fused=False)[output], expected[output])
            for found in made
        )
        assert corrected.max() < plain.max() / 2
