"""Constants in fewer bits: what the operators are, and what engine they need."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
import pytest

from edgeml_converters.inspection import minimum_engines
from edgeml_converters.inspection.tflite_document import read_model
from edgeml_converters.tflite import Storage, write_tflite
from edgeml_runtime.engines import open_engine

if TYPE_CHECKING:
    from collections.abc import Callable

    import onnx

    from tests.converters.tflite.conftest import Net

IMAGE = np.random.default_rng(3).standard_normal((1, 128, 9, 9)).astype(np.float32)


def _ops(data: bytes) -> list[str]:
    return [operator.name for operator in read_model(data, "net.tflite").graphs[0].operators]


def _network(graph: Net, kind: str) -> onnx.ModelProto:
    x = graph.input("x", [1, 128, 9, 9])
    if kind == "depthwise":
        return graph.model(graph.conv(x, (128, 128), groups=128, kernel=5, norm=False, relu6=False))
    if kind == "transposed":
        weights = graph.const(graph.rng.standard_normal((128, 4, 3, 3)) / 30)
        return graph.model(graph.op("ConvTranspose", x, weights))
    if kind == "connected":
        flat = graph.op("Flatten", graph.op("GlobalAveragePool", x))
        return graph.model(graph.gemm(flat, 128, 64))
    groups = 4 if kind == "grouped" else 1
    return graph.model(graph.conv(x, (128, 16), groups=groups, norm=False, relu6=False))


@pytest.mark.parametrize(
    ("kind", "ops"),
    [
        ("dense", ["CONV_2D"]),
        ("grouped", ["CONV_2D"]),
        ("connected", ["MEAN", "FULLY_CONNECTED"]),
        ("depthwise", ["DEQUANTIZE", "DEPTHWISE_CONV_2D"]),
        ("transposed", ["DEQUANTIZE", "TRANSPOSE_CONV"]),
    ],
)
@pytest.mark.parametrize("engine", ["litert", "litert-builtin"])
def test_kernels_take_int8_weights_or_have_them_dequantized(
    net: type[Net],
    onnx_runner: Callable[..., dict[str, np.ndarray]],
    kind: str,
    ops: list[str],
    engine: str,
) -> None:
    model = _network(net(), kind)
    data = write_tflite(ir.from_proto(model), "int8")
    assert _ops(data) == ops
    assert len(data) < 0.5 * len(write_tflite(ir.from_proto(model)))
    (expected,) = onnx_runner(model, {"x": IMAGE}).values()
    with closing(open_engine(engine, data)) as opened:
        last = opened.inputs[0].shape[-1] == 128
        (found,) = opened.run({"x": IMAGE.transpose(0, 2, 3, 1) if last else IMAGE}).values()
    turned = expected.transpose(0, 2, 3, 1) if expected.ndim == 4 else expected
    assert np.abs(found - turned).max() <= 0.03 * np.ptp(expected)


@pytest.mark.parametrize(
    ("kind", "storage", "oldest"),
    [
        ("dense", "float16", "1.15.0"),
        ("dense", "int8", "2.4.0"),
        ("grouped", "int8", "2.9.0"),
        ("depthwise", "int8", "2.7.0"),
        ("connected", "int8", "2.17.0"),
    ],
)
def test_a_file_says_the_oldest_engine_that_runs_it(
    net: type[Net],
    kind: str,
    storage: Storage,
    oldest: str,
) -> None:
    data = write_tflite(ir.from_proto(_network(net(), kind)), storage)
    assert minimum_engines(data, "tflite")["tflite-runtime"] == oldest


def test_small_constants_and_those_that_are_added_stay_as_they_are(net: type[Net]) -> None:
    graph = net()
    x = graph.conv(graph.input("x", [1, 3, 20, 20]), (3, 8), norm=False, relu6=False)
    added = graph.const(graph.rng.standard_normal((1, 8, 20, 20)))
    model = ir.from_proto(graph.model(graph.op("Add", x, added)))
    assert write_tflite(model, "int8") == write_tflite(model)
