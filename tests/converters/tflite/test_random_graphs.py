"""Random graphs of supported operators give the same results as in onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx_ir as ir
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeml_converters.graph import optimize
from edgeml_converters.tflite_import import import_tflite
from edgeml_runtime.engines import open_engine

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net

Shape = tuple[int, int, int]  # channels, height, width


class Grower:
    """Grows a network by drawn operators, keeping the shape (C, H, W) of every tensor."""

    def __init__(self, graph: Net, draw: Callable[..., int]) -> None:
        self.graph = graph
        self.draw = draw
        self.shapes: dict[str, Shape] = {}

    def pick(self) -> tuple[str, Shape]:
        """Draw one of the tensors so far."""
        names = list(self.shapes)
        name = names[self.draw(st.integers(0, len(names) - 1))]
        return name, self.shapes[name]

    def grow(self) -> None:
        """Add one drawn operator."""
        steps = (
            self.conv,
            self.depthwise,
            self.pool,
            self.unary,
            self.binary,
            self.concat,
            self.reduce,
            self.turn,
            self.regroup,
            self.scale,
        )
        steps[self.draw(st.integers(0, len(steps) - 1))]()

    def conv(self) -> None:
        name, (c, h, w) = self.pick()
        made = self.draw(st.integers(1, 4))
        self.shapes[self.graph.conv(name, (c, made))] = (made, h, w)

    def depthwise(self) -> None:
        name, (c, h, w) = self.pick()
        self.shapes[self.graph.conv(name, (c, c), groups=c, relu6=False)] = (c, h, w)

    def pool(self) -> None:
        name, (c, h, w) = self.pick()
        kind = ("MaxPool", "AveragePool")[self.draw(st.integers(0, 1))]
        attributes: dict[str, Any] = {
            "kernel_shape": [3, 3],
            "strides": [2, 2],
            "pads": [1, 1, 1, 1],
        }
        made = self.graph.op(kind, name, **attributes)
        self.shapes[made] = (c, (h + 1) // 2, (w + 1) // 2)

    def unary(self) -> None:
        name, shape = self.pick()
        kinds = ("Relu", "Sigmoid", "Tanh", "HardSwish")
        self.shapes[self.graph.op(kinds[self.draw(st.integers(0, 3))], name)] = shape

    def scale(self) -> None:
        name, shape = self.pick()
        kind = ("Add", "Mul")[self.draw(st.integers(0, 1))]
        constant = self.graph.const(self.graph.rng.uniform(0.5, 1.5, (shape[0], 1, 1)))
        self.shapes[self.graph.op(kind, name, constant)] = shape

    def binary(self) -> None:
        name, shape = self.pick()
        other = next(n for n, s in reversed(list(self.shapes.items())) if s == shape)
        kind = ("Add", "Sub", "Mul", "Max")[self.draw(st.integers(0, 3))]
        self.shapes[self.graph.op(kind, name, other)] = shape

    def concat(self) -> None:
        name, (c, h, w) = self.pick()
        fitting = [n for n, s in self.shapes.items() if s[1:] == (h, w)][-2:]
        channels = c + sum(self.shapes[n][0] for n in fitting)
        if channels <= 12:
            self.shapes[self.graph.op("Concat", name, *fitting, axis=1)] = (channels, h, w)

    def reduce(self) -> None:
        name, (c, h, w) = self.pick()
        pooled = self.graph.op("GlobalAveragePool", name)
        self.shapes[self.graph.op("Mul", name, pooled)] = (c, h, w)

    def turn(self) -> None:
        name, (c, h, w) = self.pick()
        self.shapes[self.graph.op("Transpose", name, perm=[0, 3, 1, 2])] = (w, c, h)

    def regroup(self) -> None:
        name, (c, h, w) = self.pick()
        sizes = self.graph.const([1, c, w, h], "int64")
        self.shapes[self.graph.op("Reshape", name, sizes)] = (c, w, h)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_random_graph(net: type[Net], same: Callable[..., Converted], data: st.DataObject) -> None:
    assert same(_grown(net, data)).ops


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_written_graph_is_read_back(
    net: type[Net],
    same: Callable[..., Converted],
    onnx_runner: Callable[..., dict[str, np.ndarray]],
    data: st.DataObject,
) -> None:
    """What the writer made, which gives the original's results, is imported with the same ones."""
    written = same(_grown(net, data)).data
    with closing(open_engine("litert-builtin", written)) as engine:
        (source,) = engine.inputs
        sizes = {source.name: tuple(size or 1 for size in source.shape)}
        feeds = {source.name: np.random.default_rng(1).standard_normal(sizes[source.name], "f4")}
        expected = engine.run(feeds)
    imported = optimize(import_tflite(written, "net.tflite", sizes))
    results = onnx_runner(ir.to_proto(imported), feeds)
    for name, value in expected.items():
        assert results[name].shape == value.shape
        limit = 1e-5 * max(float(np.ptp(value)), float(np.abs(value).max()), 1e-6)
        assert float(np.abs(results[name] - value).max()) <= limit


def _grown(net: type[Net], data: st.DataObject) -> onnx.ModelProto:
    grower = Grower(net(seed=3), data.draw)
    first: Shape = data.draw(st.tuples(*[st.integers(1, 5)] * 3))
    grower.shapes[grower.graph.input("x", ["n", *first])] = first
    grower.conv()  # so that it is a network for images, whose borders are channels-last
    for _ in range(data.draw(st.integers(1, 8))):
        grower.grow()
    names = list(grower.shapes)
    outputs = {names[-1], names[data.draw(st.integers(1, len(names) - 1))]}
    return grower.graph.model(*sorted(outputs))
