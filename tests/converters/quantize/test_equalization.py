"""Equalization moves sizes of channels into the weights beside them; float results stay."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeml_converters.graph import serialize_onnx
from edgeml_converters.quantize import Detail, Quantizer, Recipe, calibrate
from edgeml_converters.quantize.equalization import MOST_FACTOR, equalize

Floats = npt.NDArray[np.float32]
Build = Callable[[Any, str], str]
CHANNELS = 8
IMAGES = np.random.default_rng(4).standard_normal((12, 3, 8, 8), np.float32)
PADS = [0, 0, 1, 1, 0, 0, 0, 0]


def _squeezed(net: Any, x: str) -> str:  # noqa: ANN401 - the class is of conftest
    """Multiply *x* by a gate that is computed from it, as squeeze and excitation does."""
    squeezed = net.op("GlobalAveragePool", x)
    inner = net.op("Relu", net.conv(squeezed, CHANNELS, 4, side=1))
    gate = net.op("Sigmoid", net.conv(inner, 4, CHANNELS, side=1))
    return str(net.op("Mul", x, gate))


def _gated(net: Any, x: str) -> str:  # noqa: ANN401 - the class is of conftest
    gate = net.op("Sigmoid", net.conv(net.op("GlobalAveragePool", "x"), 3, CHANNELS, side=1))
    return str(net.op("Mul", gate, x))


PASSING: dict[str, Build] = {
    "nothing": lambda _net, x: x,
    "Relu": lambda net, x: net.op("Relu", x),
    "LeakyRelu": lambda net, x: net.op("LeakyRelu", x, alpha=0.1),
    "Clip from zero": lambda net, x: net.op("Clip", x, net.constant(0)),
    "MaxPool": lambda net, x: net.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]),
    "AveragePool": lambda net, x: net.op("AveragePool", x, kernel_shape=[2, 2]),
    "Pad": lambda net, x: net.op("Pad", x, net.constant(PADS, np.int64)),
    "a gate of the input": _gated,
    "a gate of itself": _squeezed,
    "a factor": lambda net, x: net.op("Mul", x, net.constant(3.0)),
}
ENDINGS: dict[str, Build] = {
    "conv": lambda net, x: net.conv(x, CHANNELS, 4),
    "grouped conv": lambda net, x: net.conv(x, CHANNELS, 4, group=2),
    "depthwise conv": lambda net, x: net.conv(x, CHANNELS, CHANNELS, group=CHANNELS),
    "two convs": lambda net, x: net.op(
        "Add", net.conv(x, CHANNELS, 4), net.conv(net.op("Relu", x), CHANNELS, 4, side=1)
    ),
    "pool, Flatten, Gemm": lambda net, x: _classified(
        net, net.op("Flatten", net.op("GlobalAveragePool", x))
    ),
    "mean, Gemm": lambda net, x: _classified(net, net.op("ReduceMean", x, axes=[2, 3], keepdims=0)),
    "pool, Reshape, Gemm": lambda net, x: _classified(
        net,
        net.op("Reshape", net.op("GlobalMaxPool", x), net.constant([-1, CHANNELS], np.int64)),
    ),
}
BLOCKING: dict[str, Build] = {
    "Add": lambda net, x: net.op("Add", x, net.conv("x", 3, CHANNELS)),
    "Concat": lambda net, x: net.op("Concat", x, net.conv("x", 3, 2), axis=1),
    "finite Clip": lambda net, x: net.op("Clip", x, net.constant(0), net.constant(6)),
    "Clip below zero": lambda net, x: net.op("Clip", x, net.constant(-1)),
    "Sigmoid": lambda net, x: net.op("Sigmoid", x),
    "SiLU": lambda net, x: net.op("Mul", x, net.op("Sigmoid", x)),
    "square": lambda net, x: net.op("Mul", x, x),
    "two of itself": lambda net, x: net.op("Mul", net.op("Relu", x), x),
    "Softmax": lambda net, x: net.op("Softmax", x, axis=1),
    "mean over channels": lambda net, x: net.op("ReduceMean", x, axes=[1], keepdims=1),
    "Transpose": lambda net, x: net.op("Transpose", x, perm=[0, 2, 1, 3]),
    "Pad with ones": lambda net, x: net.op(
        "Pad", x, net.constant(PADS, np.int64), net.constant(1.0)
    ),
    "Flatten of an image": lambda net, x: net.op("Flatten", x),
}


def _classified(net: Any, x: str) -> str:  # noqa: ANN401 - the class is of conftest
    constants = [net.random.normal(0, 1, (5, CHANNELS)), net.random.normal(0, 1, 5)]
    return str(net.op("Gemm", x, *map(net.constant, constants), transB=1))


def _uneven(net: Any, x: str, *, decades: float = 2.0, bias: bool = True) -> str:  # noqa: ANN401 - the class is of conftest
    """Return a convolution whose channels differ in size by so many decades."""
    sizes = 10.0 ** np.linspace(-decades / 2, decades / 2, CHANNELS)
    weights = net.random.normal(0, 0.3, (CHANNELS, 3, 3, 3)) * sizes[:, None, None, None]
    constants = [net.constant(weights)]
    if bias:
        constants.append(net.constant(net.random.normal(0, 0.3, CHANNELS) * sizes))
    return str(net.op("Conv", x, *constants, pads=[1] * 4))


def _equalized(model: ir.Model) -> tuple[ir.Model, tuple[str, ...]]:
    samples = ({"x": image[np.newaxis]} for image in IMAGES)
    return equalize(model, calibrate(model, samples, detail=Detail(peaks=True)).peaks)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("between", PASSING)
@pytest.mark.parametrize("bias", [True, False])
def test_the_float_function_is_unchanged(
    net: Callable[..., Any], run: Callable[..., Any], between: str, ending: str, *, bias: bool
) -> None:
    small = net()
    source = _uneven(small, "x", bias=bias)
    output = ENDINGS[ending](small, PASSING[between](small, source))
    _assert_the_same(run, small.finish(output), source, output)


def _assert_the_same(run: Callable[..., Any], model: ir.Model, source: str, output: str) -> None:
    """Assert that *source* is equalized and that *output* stays."""
    equalized, changed = _equalized(model)
    assert source in changed
    expected = run(model, {"x": IMAGES})[output]
    found = run(equalized, {"x": IMAGES})[output]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(PASSING)), max_size=3),
    st.sampled_from(sorted(ENDINGS)),
    st.floats(0.7, 8),
)
def test_it_is_so_over_chains_and_any_sizes(
    net: Callable[..., Any],
    run: Callable[..., Any],
    between: list[str],
    ending: str,
    decades: float,
) -> None:
    small = net()
    value = source = _uneven(small, "x", decades=decades)
    for kind in between:
        value = PASSING[kind](small, value)
    output = ENDINGS[ending](small, value)
    _assert_the_same(run, small.finish(output), source, output)


def test_the_channels_come_nearer_to_one_size(net: Callable[..., Any]) -> None:
    small = net()
    source = _uneven(small, "x")
    model = small.finish(small.conv(small.op("Relu", source), CHANNELS, 4))
    equalized, _ = _equalized(model)
    samples = [{"x": image[np.newaxis]} for image in IMAGES]
    spreads = []
    for graph in (model, equalized):
        peaks = calibrate(graph, samples, detail=Detail(peaks=True)).peaks[source, 1]
        spreads.append(peaks.max() / peaks.min())
    assert spreads[1] < spreads[0] / 8


def _left_alone(model: ir.Model) -> bool:
    before = serialize_onnx(model)
    equalized, changed = _equalized(model)
    assert serialize_onnx(model) == before
    return not changed and serialize_onnx(equalized) == before


@pytest.mark.parametrize("kind", BLOCKING)
@pytest.mark.parametrize("first", ["nothing", "Relu"])
def test_a_region_that_lets_no_factor_through_is_left_alone(
    net: Callable[..., Any], kind: str, first: str
) -> None:
    small = net()
    value = PASSING[first](small, _uneven(small, "x"))
    beside = small.conv(value, CHANNELS, 4)  # would take the factors by itself
    model = small.finish(BLOCKING[kind](small, value), beside)
    assert _left_alone(model)


@pytest.mark.parametrize("kind", ["nothing", "Relu", "MaxPool"])
def test_what_is_an_output_is_left_alone(net: Callable[..., Any], kind: str) -> None:
    small = net()
    value = PASSING[kind](small, _uneven(small, "x"))
    assert _left_alone(small.finish(value, small.conv(value, CHANNELS, 4)))
    small = net()
    assert _left_alone(small.finish(PASSING[kind](small, _uneven(small, "x"))))


def test_even_channels_are_left_alone(net: Callable[..., Any]) -> None:
    small = net()
    source = _uneven(small, "x", decades=0.2, bias=False)
    assert _left_alone(small.finish(small.conv(source, CHANNELS, 4)))


def test_a_dead_channel_leaves_its_region_alone(
    net: Callable[..., Any], run: Callable[..., Any]
) -> None:
    small = net()
    weights = small.random.normal(0, 1, (CHANNELS, 3, 3, 3))
    weights[3] = 0.0
    source = small.op("Conv", "x", small.constant(weights), pads=[1] * 4)
    output = small.conv(source, CHANNELS, 4)
    model = small.finish(output)
    equalized, _ = _equalized(model)
    found = run(equalized, {"x": IMAGES})[output]
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, run(model, {"x": IMAGES})[output], rtol=1e-5, atol=1e-5)


def test_factors_are_powers_of_two_and_limited(net: Callable[..., Any]) -> None:
    small = net()
    source = _uneven(small, "x", decades=12)
    model = small.finish(small.conv(source, CHANNELS, 4))
    equalized, changed = _equalized(model)
    assert changed == (source,)
    weights = [
        next(node for node in graph.graph if node.name == source).inputs[1]
        for graph in (model, equalized)
    ]
    arrays = [value.const_value.numpy() for value in weights if value and value.const_value]
    factors = arrays[0] / arrays[1]
    assert (np.frexp(factors)[0] == 0.5).all()
    assert 1 / MOST_FACTOR <= factors.min() < factors.max() <= MOST_FACTOR


def _noise_db(found: Floats, expected: Floats) -> float:
    noise = ((found.astype(np.float64) - expected) ** 2).mean()
    return float(10 * np.log10((expected.astype(np.float64) ** 2).mean() / noise))


@pytest.mark.parametrize("between", ["nothing", "Relu", "MaxPool", "Pad", "a gate of itself"])
def test_uneven_channels_have_far_less_noise_in_int8(
    net: Callable[..., Any], run: Callable[..., Any], between: str
) -> None:
    small = net()
    value = PASSING[between](small, _uneven(small, "x", decades=3))
    sizes = 10.0 ** np.linspace(1.5, -1.5, CHANNELS)  # the weak channels count as much
    weights = small.random.normal(0, 0.1, (4, CHANNELS, 3, 3)) * sizes[:, None, None]
    output = small.op("Conv", value, small.constant(weights))
    model = small.finish(output)
    quantizer = Quantizer(model, [{"x": image[np.newaxis]} for image in IMAGES])
    expected = run(model, {"x": IMAGES})[output]
    plain, equal = (
        _noise_db(run(quantizer.int8(Recipe(equalize=on)), {"x": IMAGES})[output], expected)
        for on in (False, True)
    )
    assert equal > plain + 10
    assert equal > (15 if between == "a gate of itself" else 25)
