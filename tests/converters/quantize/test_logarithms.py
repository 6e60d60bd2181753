"""What a logarithm reads stays float, from where it is made."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from edgeml_converters.quantize import (
    Recipe,
    calibrate,
    quantization_summary,
    quantize_int8,
    quantize_int8x16,
)
from edgeml_converters.quantize.logarithms import before_logarithms
from edgeml_converters.quantize.plan import BEFORE_LOGARITHM

ROWS = np.random.default_rng(8).standard_normal((20, 32), np.float32)


def _names(model: ir.Model) -> list[str]:
    return [node.name or "" for node in before_logarithms(model.graph)]


def _spectrogram(small: Any) -> tuple[str, list[str]]:  # noqa: ANN401 - the class is of conftest
    """Return the logarithm of a power spectrum in bands, and all nodes before it."""
    wave = small.op("Conv", "x", small.constant(small.random.normal(0, 1, (6, 1, 5))))
    power = small.op("Mul", wave, wave)
    turned = small.op("Transpose", power, perm=[0, 2, 1])
    bands = small.op("MatMul", turned, small.constant(small.random.uniform(0, 1, (6, 4))))
    raised = small.op("Add", bands, small.constant([1e-6]))
    return small.op("Log", raised), [wave, power, turned, bands, raised]


def test_all_that_leads_to_a_logarithm_is_found_in_order(net: Callable[..., Any]) -> None:
    small = net(("N", 1, 32))
    log, before = _spectrogram(small)
    behind = small.op("MatMul", log, small.constant(small.random.normal(0, 1, (4, 3))))
    beside = small.op("Relu", small.op("Conv", "x", small.constant(np.ones((2, 1, 5)))))
    assert _names(small.finish(behind, beside)) == before


@pytest.mark.parametrize("quantize", [quantize_int8, quantize_int8x16])
def test_a_spectrogram_stays_float_and_what_follows_does_not(
    net: Callable[..., Any], run: Callable[..., Any], quantize: Callable[..., ir.Model]
) -> None:
    small = net(("N", 1, 32))
    log, before = _spectrogram(small)
    weights = small.constant(small.random.normal(0, 1, (4, 3)))
    output = small.op("MatMul", log, weights)
    model = small.finish(output, log)
    waves = np.cumsum(ROWS, axis=1)[:, None]
    waves[::2] *= 1e-3  # quiet ones
    seen = calibrate(model, [{"x": wave[np.newaxis]} for wave in waves])
    quantized = quantize(model, seen, Recipe())
    summary = quantization_summary(quantized)
    reasons = {entry.node: entry.reason for entry in summary.excluded}
    assert all(reasons[name] == BEFORE_LOGARITHM for name in before)
    assert output not in reasons
    expected, found = (run(graph, {"x": waves})[log] for graph in (model, quantized))
    # Rounded once behind the logarithm, to its own steps.
    assert np.abs(found - expected).max() <= np.ptp(expected) / 255


@pytest.mark.parametrize("op_type", ["Softmax", "Sigmoid", "Exp"])
def test_what_makes_ratios_of_differences_is_exact_and_reads_integers(
    net: Callable[..., Any], op_type: str
) -> None:
    small = net(("N", 32))
    product = small.op("MatMul", "x", small.constant(small.random.normal(0, 1, (32, 4))))
    ratio = small.op(op_type, product)
    assert _names(small.finish(small.op("Log", ratio))) == [ratio]


def test_a_size_that_is_read_is_not_followed(net: Callable[..., Any]) -> None:
    small = net(("N", 32))
    product = small.op("MatMul", "x", small.constant(small.random.normal(0, 1, (32, 4))))
    size = small.op("Cast", small.op("Size", product), to=1)
    other = small.op("Log", size)
    names = _names(small.finish(small.op("Mul", product, other)))
    assert product not in names


def test_a_network_without_a_logarithm_has_none(net: Callable[..., Any]) -> None:
    small = net()
    assert _names(small.finish(small.op("Relu", small.conv("x", 3, 4)))) == []


def test_a_logarithm_of_the_input_alone_has_none_before_it(net: Callable[..., Any]) -> None:
    small = net(("N", 32))
    assert _names(small.finish(small.op("Log", "x"))) == []
