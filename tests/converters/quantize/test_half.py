"""Weights of 16 bits: half the bytes, and nearly the same numbers."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import numpy as np
import pytest

from edgeml_converters.graph import serialize_onnx
from edgeml_converters.inspection.tflite_document import read_model
from edgeml_converters.quantize import halve_weights, quantization_summary
from edgeml_converters.tflite import write_tflite
from edgeml_runtime.engines import open_engine

X = np.random.default_rng(2).standard_normal((2, 3, 8, 8), np.float32)


def test_the_example_takes_half_the_bytes_and_gives_the_same_answers(
    fashion: Any,  # noqa: ANN401 - the class is of conftest
    run: Callable[..., Any],
) -> None:
    halved = halve_weights(fashion.graph)
    assert len(serialize_onnx(halved)) < 0.6 * len(serialize_onnx(fashion.graph))
    name, images = fashion.graph.graph.inputs[0].name, fashion.images[:50]
    expected, found = (
        next(iter(run(graph, {name: images}).values())) for graph in (fashion.graph, halved)
    )
    assert np.abs(found - expected).max() <= 2e-3 * np.ptp(expected)
    assert quantization_summary(halved).scheme == "float16"


@pytest.mark.parametrize("engine", ["litert", "litert-builtin"])
def test_the_tflite_file_widens_when_it_is_loaded(
    fashion: Any,  # noqa: ANN401 - the class is of conftest
    run: Callable[..., Any],
    engine: str,
) -> None:
    data = write_tflite(fashion.graph, "float16")
    assert len(data) < 0.6 * len(write_tflite(fashion.graph))
    name, image = fashion.graph.graph.inputs[0].name, fashion.images[:1]
    (expected,) = run(halve_weights(fashion.graph), {name: image}).values()
    with closing(open_engine(engine, data)) as opened:
        (found,) = opened.run({name: image.transpose(0, 2, 3, 1)}).values()
    assert np.abs(found - expected).max() <= 1e-4 * np.ptp(expected)


def test_numbers_beyond_float16_stay_float32(
    net: Callable[..., Any], run: Callable[..., Any]
) -> None:
    small = net()
    large = small.constant(np.full((4, 4, 1, 1), 70000.0))
    output = small.op("Conv", small.conv("x", 3, 4), large)
    model = small.finish(output)
    halved = halve_weights(model)
    (kept,) = quantization_summary(halved).excluded
    assert kept.reason == "it holds a number beyond 65504"
    assert np.isfinite(run(halved, {"x": X})[output]).all()
    stored = read_model(write_tflite(model, "float16"), "net.tflite").graphs[0].tensors
    types = {tensor.type for tensor in stored if tensor.shape == (4, 1, 1, 4)}
    assert types == {"FLOAT32"}
