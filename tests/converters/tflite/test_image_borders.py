"""Which inputs and outputs are channels-last: the file, the source and the bundle agree on it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

from edgeml_converters.graph import optimize
from edgeml_converters.sources import load_source
from edgeml_converters.tflite import write_tflite
from edgeml_converters.verify import artifact_runner
from edgeml_runtime.engines import open_engine

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Net


def _before_a_convolution(graph: Net, op_type: str, size: tuple[int, int]) -> str:
    x = graph.op(op_type, graph.input("x", [1, 5, *size]))
    x = graph.op("Add", x, graph.const(np.zeros((1, 5, 1, 1))))  # has the channels in any case
    return graph.op("Flatten", graph.conv(x, (5, 4)))


def _after_a_convolution(graph: Net, op_type: str, size: tuple[int, int]) -> str:
    return graph.op(op_type, graph.conv(graph.input("x", [1, 3, *size]), (3, 5)))


def _alone(graph: Net, op_type: str, size: tuple[int, int]) -> str:
    return graph.op(op_type, graph.input("x", [1, 5, *size]))


@pytest.mark.parametrize("size", [(5, 5), (4, 6), (1, 1)])
@pytest.mark.parametrize("build", [_before_a_convolution, _after_a_convolution, _alone])
@pytest.mark.parametrize(
    "op_type",
    ["Exp", "Identity", "GlobalAveragePool", "GlobalMaxPool", "Softmax", "ReduceSum"],
)
def test_file_and_source_agree(
    net: type[Net],
    tmp_path: Path,
    build: Callable[..., str],
    op_type: str,
    size: tuple[int, int],
) -> None:
    """Sizes that are all equal do not tell the order of the axes: the layouts must."""
    graph = net()
    path = tmp_path / "net.onnx"
    onnx.save(graph.model(build(graph, op_type, size)), path)
    source = load_source(str(path))
    shape = [size or 1 for size in source.inputs[0].shape]
    feeds = {"x": np.random.default_rng(0).standard_normal(shape, np.float32)}
    with closing(source.reference()) as reference:
        expected = reference.run(feeds)
    with closing(open_engine("litert", write_tflite(optimize(source.graph)))) as engine:
        results = artifact_runner(engine, source.inputs, source.outputs)(feeds)
        for mine, theirs in zip(
            (*source.inputs, *source.outputs), (*engine.inputs, *engine.outputs), strict=True
        ):
            order = (0, 2, 3, 1) if mine.layout == "NCHW" else range(len(mine.shape))
            assert theirs.shape == tuple(mine.shape[axis] for axis in order)
    for name, value in expected.items():
        np.testing.assert_allclose(results[name], value, rtol=1e-4, atol=1e-5)


def test_an_input_that_joins_an_image_is_one(net: type[Net], tmp_path: Path) -> None:
    graph = net()
    made = graph.conv(graph.input("x", [1, 3, 5, 5]), (3, 5))
    path = tmp_path / "net.onnx"
    onnx.save(graph.model(graph.op("Add", made, graph.input("y", [1, 5, 5, 5]))), path)
    source = load_source(str(path))
    assert [spec.layout for spec in (*source.inputs, *source.outputs)] == ["NCHW"] * 3


def test_four_axes_of_a_sequence_are_no_image(net: type[Net], tmp_path: Path) -> None:
    graph = net()
    scores = graph.op("MatMul", graph.input("q", [1, 2, 3, 4]), graph.input("k", [1, 2, 4, 3]))
    path = tmp_path / "net.onnx"
    onnx.save(graph.model(graph.op("Softmax", scores)), path)
    source = load_source(str(path))
    assert not any(spec.layout for spec in (*source.inputs, *source.outputs))
