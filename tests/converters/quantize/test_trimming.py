"""Ranges lose what their readers do not tell apart, and nothing else.

The inputs and weights here are integers on their grids, so that only the range before the
activation makes a difference.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeml_converters.quantize import Recipe, calibrate, quantize_int8

Floats = npt.NDArray[np.float32]
Build = Callable[[Any, str], str]
OFF_WHEN_NEGATIVE = ("SiLU", "hard swish", "Gelu")
SATURATING = ("Sigmoid", "HardSigmoid", "Tanh")
MASK = -10000.0


def _gelu(net: Any, x: str) -> str:  # noqa: ANN401 - the class is of conftest
    share = net.op("Erf", net.op("Mul", x, net.constant(0.5**0.5)))
    whole = net.op("Mul", x, net.op("Add", share, net.constant(1)))
    return str(net.op("Mul", whole, net.constant(0.5)))


KINDS: dict[str, Build] = {
    "Sigmoid": lambda net, x: str(net.op("Sigmoid", x)),
    "HardSigmoid": lambda net, x: str(net.op("HardSigmoid", x, alpha=0.2)),
    "Tanh": lambda net, x: str(net.op("Tanh", x)),
    "SiLU": lambda net, x: str(net.op("Mul", x, net.op("Sigmoid", x))),
    "hard swish": lambda net, x: str(
        net.op("Mul", x, net.op("HardSigmoid", x, alpha=1 / 6, beta=0.5))
    ),
    "Gelu": _gelu,
}


def _product(net: Any, reach: float) -> str:  # noqa: ANN401 - the class is of conftest
    """Return what multiplies the input by integers over 127, and *reach* over 100."""
    weights = net.random.integers(-127, 128, (4, 8))
    weights[0] = 127
    return str(net.op("Gemm", "x", net.constant(weights * reach / 12700), net.constant([0] * 8)))


def _inputs(low: int, high: int, seed: int = 1) -> Floats:
    """Return (100, 4) integers from *low* on and below *high*, and the ends of the grid."""
    inputs = np.random.default_rng(seed).integers(low, high, (100, 4)).astype(np.float32)
    inputs[0, :2] = -128, 127
    return inputs


def _int8(model: ir.Model, inputs: Floats, *, trimmed: bool) -> ir.Model:
    seen = calibrate(model, [{"x": row[np.newaxis]} for row in inputs])
    return quantize_int8(model, seen, Recipe(trim_ranges=trimmed, correct_bias=False))


def _distance(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> float:
    return float(np.sqrt(((one.astype(np.float64) - other) ** 2).mean()))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(KINDS)),
    st.floats(0.3, 1000),
    st.sampled_from([(-128, 128), (-128, 10), (-10, 128)]),
    st.integers(0, 99),
)
def test_no_result_is_further_from_float(
    net: Callable[..., Any],
    run: Callable[..., Any],
    kind: str,
    reach: float,
    ends: tuple[int, int],
    seed: int,
) -> None:
    small = net(("N", 4))
    output = KINDS[kind](small, _product(small, reach))
    model, inputs = small.finish(output), _inputs(*ends, seed)
    expected = run(model, {"x": inputs})[output]
    errors = [
        _distance(
            run(_int8(model, inputs, trimmed=trimmed), {"x": inputs}, fused=False)[output], expected
        )
        for trimmed in (True, False)
    ]
    # Two grids of about one width are out of step with the output's by luck.
    assert errors[0] <= errors[1] + 0.1 * np.ptp(expected) / 255


@pytest.mark.parametrize("kind", SATURATING)
@pytest.mark.parametrize("reach", [30, 1000])
def test_what_saturates_keeps_its_steps_before_a_far_reach(
    net: Callable[..., Any], run: Callable[..., Any], kind: str, reach: float
) -> None:
    small = net(("N", 4))
    output = KINDS[kind](small, _product(small, reach))
    model, inputs = small.finish(output), _inputs(-128, 128)
    expected = run(model, {"x": inputs})[output]
    near, far = (
        run(_int8(model, inputs, trimmed=trimmed), {"x": inputs}, fused=False)[output]
        for trimmed in (True, False)
    )
    assert _distance(near, expected) < _distance(far, expected) / 3


@pytest.mark.parametrize("kind", OFF_WHEN_NEGATIVE)
@pytest.mark.parametrize("reach", [3, 10, 16, 30, 60, 100, 1000])
def test_what_is_off_is_exactly_zero(
    net: Callable[..., Any], run: Callable[..., Any], kind: str, reach: float
) -> None:
    """The end of the range lies where the result is still rounded to zero."""
    small = net(("N", 4))
    product = _product(small, reach)
    output = KINDS[kind](small, product)
    model, inputs = small.finish(output, product), _inputs(-128, 128)
    before = run(model, {"x": inputs})[product]
    small = net(("N", 4))
    model = small.finish(KINDS[kind](small, _product(small, reach)))
    found = run(_int8(model, inputs, trimmed=True), {"x": inputs}, fused=False)[output]
    expected = run(model, {"x": inputs})[output]
    step = float(np.ptp(expected)) / 255
    off = (np.abs(expected) < 1e-3 * step) & (before < 0)
    if reach > 10:
        assert off.sum() > 50
    assert not found[off].any()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_masks_of_a_softmax_leave_steps_to_the_rest(
    net: Callable[..., Any], run: Callable[..., Any], share: float
) -> None:
    small = net(("N", 4))
    mask = np.where(small.random.random((1, 16)) < share, MASK, 0.0)
    mask[0, :4] = 0.0, 0.0, 0.0, MASK
    weights = small.random.normal(0, 0.01, (4, 16))
    logits = small.op("MatMul", "x", small.constant(weights))
    output = small.op("Softmax", small.op("Add", logits, small.constant(mask)), axis=-1)
    model, inputs = small.finish(output), _inputs(-128, 128)
    expected = run(model, {"x": inputs})[output]
    near, far = (
        run(_int8(model, inputs, trimmed=trimmed), {"x": inputs}, fused=False)[output]
        for trimmed in (True, False)
    )
    assert not near[:, mask[0] == MASK].any()
    # One step of 39 holds all logits that are not masked, and they become equal.
    assert _distance(near, expected) < _distance(far, expected) / 5
    assert np.abs(near - expected).max() < 0.03


def test_a_row_that_is_masked_altogether_keeps_the_whole_range(
    net: Callable[..., Any], run: Callable[..., Any]
) -> None:
    small = net(("N", 4))
    weights = np.ones((4, 8))
    output = small.op("Softmax", small.op("MatMul", "x", small.constant(weights)), axis=-1)
    model = small.finish(output)
    inputs = np.array([[0, 0, 0, 0], [0, 0, 0, -10000]], np.float32)
    for trimmed in (True, False):
        found = run(_int8(model, inputs, trimmed=trimmed), {"x": inputs})[output]
        np.testing.assert_allclose(found, 1 / 8, atol=1 / 256)


@pytest.mark.parametrize("other", ["output", "Relu", "Add"])
def test_what_someone_else_reads_too_keeps_its_range(
    net: Callable[..., Any], run: Callable[..., Any], other: str
) -> None:
    small = net(("N", 4))
    product = _product(small, 100)
    gate = small.op("Sigmoid", product)
    if other == "output":
        second = product
    elif other == "Add":
        second = small.op("Add", product, small.constant(np.ones((1, 8))))
    else:
        second = small.op("Relu", product)
    model, inputs = small.finish(gate, second), _inputs(-128, 128)
    expected = run(model, {"x": inputs})[second]
    found = run(_int8(model, inputs, trimmed=True), {"x": inputs})[second]
    assert np.abs(found - expected).max() < 0.01 * np.ptp(expected)
