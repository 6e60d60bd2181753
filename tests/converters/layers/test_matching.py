"""Which tensors are matched, how that is told, and what is left alone."""

from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from edgeml_converters.tflite import write_tflite

if TYPE_CHECKING:
    from tests.converters.layers.conftest import Workshop


def _branched(workshop: "type[Workshop]", *, swap: bool = False) -> onnx.ModelProto:
    """Return two branches that look the same and are made in one or the other order."""
    net = workshop.Net()
    stem = net.op("Sigmoid", net.conv("x"))
    weights = [net.constant(net.random.normal(0, 0.3, (4, 4, 3, 3))) for _ in range(2)]
    made = {}
    for branch in (1, 0) if swap else (0, 1):
        made[branch] = net.op("Conv", stem, weights[branch], pads=[1, 1, 1, 1])
    return net.finish(net.op("Concat", made[0], made[1], axis=1))


def test_branches_that_look_the_same_are_told_apart_by_their_reader(
    workshop: "type[Workshop]",
) -> None:
    reference = workshop.as_onnx(_branched(workshop))
    other = workshop.renamed(_branched(workshop, swap=True))
    found = workshop.compared(reference, workshop.as_onnx(other))
    assert found.first_divergence is None
    assert found.matched == {"border": 2, "structure": 4}


def test_fused_operators_are_compared_behind_the_last(workshop: "type[Workshop]") -> None:
    net = workshop.Net()
    model = net.finish(net.op("Relu", net.conv(net.op("Relu", net.conv("x")))))
    found = workshop.compared(workshop.as_onnx(model), workshop.as_tflite(model))
    assert [layer.name for layer in found.layers] == ["x", "t1", "t3"]
    assert [layer.op for layer in found.layers] == ["Input", "Conv+Relu", "Conv+Relu"]
    assert [layer.node for layer in found.layers] == ["", "n0", "n2"]
    assert found.fused == ("t0", "t2")
    assert found.unmatched == found.extra == ()


def test_a_name_that_stands_before_the_activation(workshop: "type[Workshop]") -> None:
    """Converters from TFLite name the convolution as the fused operator was named."""
    net = workshop.Net()
    model = net.finish(net.op("Sigmoid", net.op("Relu", net.conv("x"))))
    swapped = onnx.ModelProto()
    swapped.CopyFrom(model)
    conv, relu, sigmoid = swapped.graph.node
    conv.output[0], relu.output[0] = relu.output[0], conv.output[0]
    relu.input[0], sigmoid.input[0] = conv.output[0], relu.output[0]
    del swapped.graph.value_info[:]
    inferred = onnx.shape_inference.infer_shapes(swapped)
    forms = workshop.as_onnx(inferred), workshop.as_tflite(model)
    last = workshop.Samples(last=True)
    for pair, samples in ((forms, None), (forms[::-1], last)):
        found = workshop.compared(*pair, samples)
        assert found.first_divergence is None
        assert len(found.layers) == 3


def test_what_only_one_model_has_is_named(workshop: "type[Workshop]") -> None:
    """HardSwish of one model is three operators of the other."""

    def build(*, whole: bool) -> onnx.ModelProto:
        net = workshop.Net()
        value = net.conv("x")
        if whole:
            value = net.op("HardSwish", value)
        else:
            gate = net.op("HardSigmoid", value, alpha=1 / 6)
            value = net.op("Mul", value, net.op("Identity", gate))
        return net.finish(net.op("Sigmoid", net.conv(value)))

    reference = workshop.as_onnx(build(whole=True))
    found = workshop.compared(reference, workshop.as_onnx(workshop.renamed(build(whole=False))))
    assert found.first_divergence is None
    assert [layer.name for layer in found.layers] == ["x", "t0", "t2", "t3"]
    assert found.layers[2].matched == "position"
    assert found.unmatched == ("t1",)
    assert found.extra == ("other_t1", "other_t3")


def test_other_sizes_under_the_same_name_are_no_match(workshop: "type[Workshop]") -> None:
    def build(channels: int) -> onnx.ModelProto:
        net = workshop.Net()
        middle = net.op("Sigmoid", net.conv("x", out=channels))
        return net.finish(net.op("ReduceMean", middle, axes=[1, 2, 3]))

    found = workshop.compared(workshop.as_onnx(build(4)), workshop.as_onnx(build(5)))
    assert [layer.name for layer in found.layers] == ["x", "t2"]
    assert found.unmatched == ("t0", "t1")
    assert found.extra == ("t0", "t1")


@pytest.mark.parametrize("form", ["onnx", "optimized onnx", "tflite"])
@pytest.mark.parametrize("op_type", ["Relu", "Sigmoid", "Identity", "Softmax"])
def test_networks_of_one_operator(workshop: "type[Workshop]", form: str, op_type: str) -> None:
    net = workshop.Net()
    model = net.finish(net.op(op_type, "x"))
    found = workshop.compared(workshop.as_onnx(model), workshop.forms[form](model))
    assert [layer.name for layer in found.layers] == ["x", "t0"]
    assert found.first_divergence is None


def test_two_tflite_files(workshop: "type[Workshop]") -> None:
    net = workshop.Net()
    value = net.op("Relu", net.conv(net.op("Relu", net.conv("x"))))
    flat = net.op("Flatten", net.op("GlobalAveragePool", value))
    model = net.finish(net.op("Softmax", net.op("Gemm", flat, net.constant(np.eye(4)))))
    reference = workshop.as_tflite(model)
    samples = workshop.Samples(last=True)
    found = workshop.compared(
        reference, workshop.as_tflite(workshop.quantized(model)), samples, tolerance=0.05
    )
    assert found.tolerance == 0.05
    assert found.first_divergence is None
    assert len(found.layers) == len(reference.network.tensors)
    assert found.unmatched == found.extra == ()
    assert all(layer.saturation == 0 for layer in found.layers)
    assert {layer.node or layer.name for layer in found.exclude} <= {e.name for e in found.layers}


def test_a_file_without_names(workshop: "type[Workshop]") -> None:
    net = workshop.Net()
    model = net.finish(net.op("Sigmoid", net.conv(net.op("Tanh", net.conv("x")))))
    data = write_tflite(ir.from_proto(workshop.renamed(model)))
    nameless = data.replace(b"other_t", b"edge_i_")
    found = workshop.compared(workshop.as_onnx(model), workshop.tflite_layers(nameless))
    assert found.matched == {"border": 2, "structure": 3}
    assert found.first_divergence is None


def test_numbers_that_are_the_same_by_chance(workshop: "type[Workshop]") -> None:
    """One more operator at the start shifts the numbers of all others."""

    def build(*first: str) -> onnx.ModelProto:
        net = workshop.Net()
        value = "x"
        for op_type in (*first, "Sigmoid"):
            value = net.op(op_type, value)
        for op_type in ("Tanh", "Sigmoid", "Tanh"):
            value = net.op(op_type, net.conv(value))
        return net.finish(net.op("Softmax", value))

    reference = workshop.as_onnx(build("Identity"))
    found = workshop.compared(reference, workshop.as_onnx(build()))
    assert found.first_divergence is None
    assert found.matched == {"border": 2, "structure": 7}


def test_an_activation_that_is_applied_elsewhere_keeps_blocks_apart(
    workshop: "type[Workshop]",
) -> None:
    """Relu and MaxPool may change places without changing the result."""

    def build(*order: str) -> onnx.ModelProto:
        net = workshop.Net()
        value = net.conv("x")
        for op_type in order:
            window = {"kernel_shape": [2, 2]} if op_type == "MaxPool" else {}
            value = net.op(op_type, value, **window)
        return net.finish(net.op("Sigmoid", net.conv(value)))

    reference = workshop.as_onnx(build("Relu", "MaxPool"))
    other = workshop.renamed(build("MaxPool", "Relu"))
    found = workshop.compared(reference, workshop.as_onnx(other))
    assert found.first_divergence is None
    assert {"t0", "t1"}.isdisjoint(layer.name for layer in found.layers)
