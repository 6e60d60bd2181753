"""A layer that was changed on purpose is the first that diverges, in every form of the network."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    import onnx

    from tests.converters.layers.conftest import Net, Workshop

    Layer = Callable[[Net, str], str]

few = settings(max_examples=15, deadline=None)


def _affine(net: "Net", x: str) -> str:
    return net.op("Mul", x, net.constant(net.random.uniform(0.5, 1.5, (4, 1, 1))))


def _residual(net: "Net", x: str) -> str:
    return net.op("Add", x, net.op("Sigmoid", net.conv(x)))


def _branches(net: "Net", x: str) -> str:
    return net.conv(net.op("Concat", net.conv(x, out=2), net.conv(x, side=1, out=2), axis=1))


LAYERS: "dict[str, Layer]" = {
    "conv": lambda net, x: net.conv(x),
    "pointwise": lambda net, x: net.conv(x, side=1),
    "depthwise": lambda net, x: net.conv(x, group=4),
    "affine": _affine,
    "residual": _residual,
    "branches": _branches,
    "sigmoid": lambda net, x: net.op("Sigmoid", x),
    "tanh": lambda net, x: net.op("Tanh", x),
    "relu": lambda net, x: net.op("Relu", x),
    "pool": lambda net, x: net.op("MaxPool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    "turn": lambda net, x: net.op("Transpose", x, perm=[0, 1, 3, 2]),
}
WEIGHTED = ("Conv", "Mul", "Gemm")


@dataclass
class Drawn:
    """A drawn network and one of its nodes that has weights."""

    model: "onnx.ModelProto"
    output: str
    weights: str
    behind: set[str] = field(default_factory=set)


@st.composite
def networks(draw: st.DrawFn) -> tuple[list[str], bool, int]:
    """Draw the layers, whether there is a head, and which weights are changed."""
    layers = draw(st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=6))
    return layers, draw(st.booleans()), draw(st.integers(0, 20))


def _build(workshop: "type[Workshop]", drawn: tuple[list[str], bool, int]) -> Drawn:
    layers, head, chosen = drawn
    net = workshop.Net()
    value = net.conv("x")
    for layer in layers:
        value = LAYERS[layer](net, value)
    if head:
        flat = net.op("Flatten", net.op("GlobalAveragePool", value))
        value = net.op("Gemm", flat, net.constant(net.random.normal(0, 1, (4, 3))))
    model = net.finish(value)
    weighted = [node for node in model.graph.node if node.op_type in WEIGHTED]
    node = weighted[chosen % len(weighted)]
    return Drawn(model, node.output[0], node.input[1], _may_be_fused(model, node.output[0]))


def _may_be_fused(model: "onnx.ModelProto", output: str) -> set[str]:
    """Return the names under which what a node computes may first be seen."""
    found = {output}
    for node in model.graph.node:
        if node.input[0] in found and node.op_type in {"Relu", "Mul", "Transpose", "Flatten"}:
            found.add(node.output[0])
    return found


@few
@given(networks())
@pytest.mark.parametrize("form", ["onnx", "optimized onnx", "tflite"])
def test_changed_weights_are_the_first_divergence(
    workshop: "type[Workshop]", form: str, drawn: tuple[list[str], bool, int]
) -> None:
    network = _build(workshop, drawn)
    wrong = workshop.changed(network.model, network.weights, lambda array: array * 1.5)
    reference = workshop.as_onnx(network.model)
    right = workshop.compared(reference, workshop.forms[form](network.model))
    assert right.first_divergence is None
    assert not right.unmatched
    found = workshop.compared(reference, workshop.forms[form](wrong))
    assume(any(layer.parity.rel_range > 1e-3 for layer in found.layers))  # no Relu ate it
    first = found.first_divergence
    assert first is not None
    assert first.name in network.behind
    if form == "onnx":
        assert first.name == network.output
        assert found.worst_first[0].error_added > 0


@few
@given(networks())
@pytest.mark.parametrize("form", ["onnx", "tflite"])
def test_other_names_change_nothing(
    workshop: "type[Workshop]", form: str, drawn: tuple[list[str], bool, int]
) -> None:
    network = _build(workshop, drawn)
    wrong = workshop.changed(network.model, network.weights, lambda array: array * 1.5)
    reference = workshop.as_onnx(network.model)
    named = workshop.compared(reference, workshop.forms[form](wrong))
    other = workshop.compared(reference, workshop.forms[form](workshop.renamed(wrong)))
    assert "name" not in other.matched
    partners = {layer.name: layer.candidate for layer in named.layers}
    for layer in other.layers:
        assert layer.candidate.removeprefix("other_") == partners[layer.name]


@few
@given(networks())
@pytest.mark.parametrize("form", ["int8 onnx", "int8 tflite"])
def test_a_broken_layer_stands_out_in_int8(
    workshop: "type[Workshop]", form: str, drawn: tuple[list[str], bool, int]
) -> None:
    network = _build(workshop, drawn)
    wrong = workshop.changed(network.model, network.weights, lambda array: -array)
    reference = workshop.as_onnx(network.model)
    found = workshop.compared(reference, workshop.forms[form](wrong))
    assert found.tolerance == 0.1
    assume(any(layer.parity.rel_range > 0.5 for layer in found.layers))
    first = found.first_divergence
    assert first is not None
    names = [layer.name for layer in found.layers]
    # Rounding alone may reach the tolerance behind the layers before it, never the change.
    before = names[: min(names.index(name) for name in network.behind if name in names)]
    assert first.name not in before


@pytest.mark.parametrize("form", ["onnx", "tflite"])
@pytest.mark.parametrize(
    ("right", "wrong"), [("Sigmoid", "Tanh"), ("MaxPool", "AveragePool"), ("Add", "Mul")]
)
def test_another_operator_is_the_first_divergence(
    workshop: "type[Workshop]", form: str, right: str, wrong: str
) -> None:
    def build(op_type: str) -> "onnx.ModelProto":
        net = workshop.Net()
        before = net.conv("x")
        window = {"kernel_shape": [2, 2], "strides": [2, 2]} if "Pool" in op_type else {}
        inputs = (before, before) if op_type in {"Add", "Mul"} else (before,)
        return net.finish(net.conv(net.op(op_type, *inputs, **window)))

    found = workshop.compared(workshop.as_onnx(build(right)), workshop.forms[form](build(wrong)))
    first = found.first_divergence
    assert first is not None
    assert (first.name, first.op) == ("t1", right)
    assert first.error_added == found.worst_first[0].error_added


def test_values_that_are_no_numbers_are_a_divergence(workshop: "type[Workshop]") -> None:
    net = workshop.Net()
    middle = net.op("Sigmoid", net.conv("x"))
    model = net.finish(net.op("Softmax", net.conv(middle)))
    broken = workshop.changed(model, "c2", lambda array: np.full_like(array, np.nan))
    found = workshop.compared(workshop.as_onnx(model), workshop.as_onnx(broken))
    first = found.first_divergence
    assert first is not None
    assert first.name == "t2"
    assert found.worst_first[0] is first
    entry = found.to_json()["tensors"][3]
    assert (entry["name"], entry["sqnr_db"], entry["error_added"]) == ("t2", None, None)
