"""Whether onnxruntime runs the QDQ graph in integers, and how exact the example network is then."""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir
import pytest

from edgeml_converters.quantize import calibrate, quantize_int8

if TYPE_CHECKING:
    from tests.converters.quantize.conftest import Fashion

FLOAT_KERNELS = {"Conv", "FusedConv", "Gemm", "FusedGemm", "MatMul", "GlobalAveragePool"}


@pytest.fixture(scope="module")
def quantized(fashion: "Fashion") -> ir.Model:
    samples = ({"image": image[np.newaxis]} for image in fashion.calibration)
    return quantize_int8(fashion.graph, calibrate(fashion.graph, samples))


def test_every_operator_of_the_example_runs_in_integers(
    quantized: ir.Model, kernels: Callable[[ir.Model], Counter[str]]
) -> None:
    found = kernels(quantized)
    assert found["QLinearConv"] == 11
    assert found["QGemm"] == 1
    assert found["QLinearGlobalAveragePool"] == 1
    assert (found["QuantizeLinear"], found["DequantizeLinear"]) == (1, 1)
    assert not FLOAT_KERNELS & found.keys()


def test_the_example_keeps_its_accuracy(
    fashion: "Fashion", quantized: ir.Model, run: Callable[..., Any]
) -> None:
    feeds = {"image": fashion.images}
    expected, found = run(fashion.graph, feeds)["logits"], run(quantized, feeds)["logits"]
    reference, value = (
        100 * float((logits.argmax(axis=1) == fashion.labels).mean())
        for logits in (expected, found)
    )
    assert reference > 88
    assert reference - value <= 0.5
    noise = ((expected - found) ** 2).sum()
    assert 10 * np.log10((expected**2).sum() / noise) >= 28  # onnxruntime's own tool: 31.1 dB


def test_integer_kernels_agree_with_the_graph_as_written(
    fashion: "Fashion", quantized: ir.Model, run: Callable[..., Any]
) -> None:
    feeds = {"image": fashion.images[:100]}
    fused, written = (run(quantized, feeds, fused=fused)["logits"] for fused in (True, False))
    step = _last_scale(quantized)
    assert np.abs(fused - written).max() <= 2.01 * step


def _last_scale(model: ir.Model) -> float:
    maker = model.graph.outputs[0].producer()
    assert maker is not None
    scale = maker.inputs[1]
    assert scale is not None
    assert scale.const_value is not None
    return float(scale.const_value.numpy())


@pytest.mark.parametrize(
    ("op_type", "kernel"),
    [("Add", "QLinearAdd"), ("Mul", "QLinearMul"), ("Concat", "QLinearConcat")],
)
def test_operators_on_two_branches_run_in_integers(
    net: Callable[..., Any],
    kernels: Callable[[ir.Model], Counter[str]],
    op_type: str,
    kernel: str,
) -> None:
    small = net()
    attributes = {"axis": 1} if op_type == "Concat" else {}
    both = small.op(op_type, small.conv("x", 3, 4), small.conv("x", 3, 4), **attributes)
    model = small.finish(both)
    sample = {"x": np.random.default_rng(0).standard_normal((1, 3, 8, 8), np.float32)}
    assert kernels(quantize_int8(model, calibrate(model, [sample])))[kernel] == 1


def test_a_product_with_a_constant_matrix_runs_in_integers(
    net: Callable[..., Any], kernels: Callable[[ir.Model], Counter[str]]
) -> None:
    small = net()
    matrix = small.constant(small.random.normal(0, 0.3, (8, 5)))
    model = small.finish(small.op("MatMul", "x", matrix))
    sample = {"x": np.random.default_rng(0).standard_normal((1, 3, 8, 8), np.float32)}
    assert kernels(quantize_int8(model, calibrate(model, [sample])))["QLinearMatMul"] == 1
