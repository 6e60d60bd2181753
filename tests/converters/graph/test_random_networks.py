"""Random networks keep their results, and the same network gives the same bytes."""

from collections.abc import Callable
from typing import Any

import onnx
import onnx_ir as ir
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeml_converters.graph import optimize, serialize_onnx

MakeGraph = Callable[..., Any]
CHANNELS = 4


def _conv(net: Any, x: str) -> str:  # noqa: ANN401 - the class is of conftest
    weights = net.weights(CHANNELS, CHANNELS, 3, 3)
    return str(net.op("Conv", x, weights, pads=[1, 1, 1, 1]))


def _affine(net: Any, x: str) -> str:  # noqa: ANN401 - as above
    scaled = net.op("Mul", x, net.constant(net.random.uniform(0.5, 1.5, (CHANNELS, 1, 1))))
    return str(net.op("Add", scaled, net.weights(CHANNELS, 1, 1)))


def _padded_pool(net: Any, x: str) -> str:  # noqa: ANN401 - as above
    padded = net.op("Pad", x, net.constant([0, 0, 1, 1, 0, 0, 1, 1], "int64"))
    return str(net.op("AveragePool", padded, kernel_shape=[3, 3]))


LAYERS: dict[str, Callable[[Any, str], str]] = {
    "conv": _conv,
    "affine": _affine,
    "padded pool": _padded_pool,
    "batch norm": lambda net, x: str(net.batch_norm(x, CHANNELS)),
    "identity": lambda net, x: str(net.op("Identity", x)),
    "dropout": lambda net, x: str(net.op("Dropout", x)),
    "relu": lambda net, x: str(net.op("Relu", x)),
}


def _network(graph: MakeGraph, layers: list[str], branch: int) -> onnx.ModelProto:
    net = graph((1, CHANNELS, 6, 6))
    value = "x"
    values = []
    for layer in layers:
        value = LAYERS[layer](net, value)
        values.append(value)
    outputs = dict.fromkeys([values[branch % len(values)], value])
    model: onnx.ModelProto = net.finish(*outputs)
    return model


networks = given(st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=8), st.integers(0))
many = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@many
@networks
def test_results_stay(
    graph: MakeGraph,
    optimized: Callable[[onnx.ModelProto], list[str]],
    layers: list[str],
    branch: int,
) -> None:
    model = _network(graph, layers, branch)
    assert len(optimized(model)) <= len(model.graph.node)


@many
@networks
def test_the_same_network_gives_the_same_bytes(
    graph: MakeGraph, layers: list[str], branch: int
) -> None:
    first, again = (
        serialize_onnx(optimize(ir.from_proto(_network(graph, layers, branch)))) for _ in range(2)
    )
    assert first == again
