"""A network that int8 ruins in a known way gets that hint, at that layer; a good one gets none."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeml_converters.graph import optimize
from edgeml_converters.quantize import EFFORTS, calibrate, quantize_int8
from tests.converters.layers import broken_networks as broken

if TYPE_CHECKING:
    import onnx

    from edgeml_converters.layers import LayerComparison
    from tests.converters.layers.conftest import Workshop

FORMS = ("as_onnx", "as_tflite")


def _compared(
    workshop: "type[Workshop]",
    form: str,
    model: "onnx.ModelProto",
    samples: Any = None,  # noqa: ANN401 - several kinds
) -> "LayerComparison":
    """Compare with what the least effort makes: others avoid some of these troubles."""
    graph = optimize(ir.from_proto(model))
    observed = calibrate(graph, samples or workshop.Samples())
    candidate = getattr(workshop, form)(quantize_int8(graph, observed, EFFORTS["fast"]))
    return workshop.compared(workshop.as_onnx(model), candidate, samples)


@pytest.mark.parametrize("form", FORMS)
def test_uneven_channels_of_a_depthwise_layer(workshop: "type[Workshop]", form: str) -> None:
    found = _compared(workshop, form, broken.uneven_depthwise(workshop))
    hint = found.hints[0]
    assert (hint.kind, hint.node) == ("channels", "n2")
    assert 50 < hint.figures["span"] < 500
    assert hint.damage > 0.3
    assert f"span {hint.figures['span']:.0f}x" in hint.finding
    assert "--effort high" in hint.remedy
    assert "--keep-float n2,n4" in hint.remedy
    assert found.worst_first[0].node in {"n2", "n4"}  # where it is made, and where it arrives


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("spread", [1.0, 2.0])
def test_even_channels_are_no_trouble(workshop: "type[Workshop]", form: str, spread: float) -> None:
    assert _compared(workshop, form, broken.uneven_depthwise(workshop, spread)).hints == ()


@pytest.mark.parametrize("form", FORMS)
def test_outliers(workshop: "type[Workshop]", form: str) -> None:
    found = _compared(workshop, form, broken.plain(workshop, broken.PLACES), broken.Spiked())
    hint = found.hints[0]
    assert hint.kind == "outliers"
    assert hint.node in {"n0", "n2"}
    assert hint.figures["taken_percent"] > 50
    assert f"take {hint.figures['taken_percent']:.0f} % of its range" in hint.finding
    assert "--calibrate-method percentile" in hint.remedy


@pytest.mark.parametrize("form", FORMS)
def test_a_mask(workshop: "type[Workshop]", form: str) -> None:
    samples = workshop.Samples((1, 8, 16))
    found = _compared(workshop, form, broken.masked_attention(workshop), samples)
    (hint,) = found.hints
    assert (hint.kind, hint.node) == ("gap", "n4")
    assert hint.figures["masked_percent"] == pytest.approx(25)
    assert hint.figures["steps"] < 3


@pytest.mark.parametrize("form", FORMS)
def test_a_range_in_the_flat_part(workshop: "type[Workshop]", form: str) -> None:
    found = _compared(workshop, form, broken.flat_sigmoid(workshop))
    (hint,) = (hint for hint in found.hints if hint.kind == "flat")
    assert hint.node == "n0"  # what n1 multiplies by is fused into it
    assert hint.figures["wasted_percent"] > 80
    assert "Sigmoid is flat" in hint.finding


def test_what_a_flat_function_hides_is_no_damage(workshop: "type[Workshop]") -> None:
    """The default effort cuts off the mask, which is an error of 100 % that nobody sees."""
    model = broken.masked_attention(workshop)
    samples = workshop.Samples((1, 8, 16))
    candidate = workshop.as_onnx(workshop.quantized(model, samples))
    found = workshop.compared(workshop.as_onnx(model), candidate, samples)
    masked = next(layer for layer in found.layers if layer.node == "n4")
    assert masked.saturation == pytest.approx(0.4, abs=0.2)
    assert masked.own_error > 0.9  # type: ignore[operator]
    assert masked.damage < 0.03
    assert found.hints == ()


@pytest.mark.parametrize("form", FORMS)
def test_weights_of_one_scale(workshop: "type[Workshop]", form: str) -> None:
    candidate = getattr(workshop, form)(broken.tensor_weights(workshop, quantized=True))
    reference = workshop.as_onnx(broken.tensor_weights(workshop, quantized=False))
    hints = {hint.kind: hint for hint in workshop.compared(reference, candidate).hints}
    assert hints["tensor_weights"].node == "n0"
    assert 10 < hints["tensor_weights"].figures["span"] < 40
    assert hints["tensor_weights"].figures["steps"] < 15


@pytest.mark.parametrize("form", FORMS)
def test_data_beyond_the_calibrated_range(workshop: "type[Workshop]", form: str) -> None:
    model = broken.plain(workshop)
    graph = optimize(workshop.as_onnx(model)._model)  # type: ignore[attr-defined]
    ranges = calibrate(graph, workshop.Samples())
    bounds = {name: (low / 8, high / 8) for name, (low, high) in ranges.bounds.items()}
    narrow = quantize_int8(graph, type(ranges)(bounds, ranges.samples))
    found = workshop.compared(workshop.as_onnx(model), getattr(workshop, form)(narrow))
    hint = found.hints[0]
    assert hint.kind == "saturation"
    assert hint.figures["saturated_percent"] > 10
    assert "Calibrate" in hint.remedy


@pytest.mark.parametrize("form", ["onnx", "tflite", "int8 onnx", "int8 tflite"])
def test_a_good_network_gets_none(workshop: "type[Workshop]", form: str) -> None:
    model = broken.plain(workshop)
    found = workshop.compared(workshop.as_onnx(model), workshop.forms[form](model))
    assert found.hints == ()
    assert ("int8" in form) == bool(found.histograms)


def test_many_small_errors_are_said_together(workshop: "type[Workshop]") -> None:
    net = workshop.Net()
    value = net.conv("x")
    for _ in range(24):
        value = net.op("Tanh", net.op("Mul", net.conv(value), net.constant([2.5])))
    model = net.finish(value)
    found = _compared(workshop, "as_onnx", model)
    kinds = [hint.kind for hint in found.hints]
    output = found.layers[-1].parity.sqnr_db
    assert output < 26
    assert kinds[0] == "spread"
    assert "No layer stands out" in found.hints[0].finding
    assert len(kinds) <= 5


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 3), st.sampled_from(FORMS))
def test_a_layer_alone_makes_the_error_that_is_injected(
    workshop: "type[Workshop]", channel: int, form: str
) -> None:
    """The first layer is ruined: its own error is large, those after it keep theirs."""
    net = workshop.Net()
    model = net.finish(net.conv(net.op("Relu", net.conv(net.op("Relu", net.conv("x"))))))
    weights = model.graph.node[0].input[1]

    def ruin(array: Any) -> Any:  # noqa: ANN401 - an array
        return np.where(np.arange(4)[:, None, None, None] == channel, -array, array)

    broken_model = workshop.changed(model, weights, ruin)
    make: Callable[[Any], Any] = getattr(workshop, form)
    found = workshop.compared(workshop.as_onnx(model), make(workshop.quantized(broken_model)))
    own = {layer.node: layer.own_error for layer in found.layers}
    assert own["n0"] > 0.2  # type: ignore[operator]
    assert own["n2"] < 0.05  # type: ignore[operator]
    assert own["n4"] < 0.05  # type: ignore[operator]
    assert found.exclude[0].node == "n0"
    after = next(layer for layer in found.layers if layer.node == "n4")
    assert after.parity.sqnr_db < 20  # the ruin arrives all the same
