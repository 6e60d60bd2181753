"""Networks that int8 ruins, each in one known way and at one known layer."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx

    from tests.converters.layers.conftest import Net, Workshop

PLACES = 32


def uneven_depthwise(workshop: "type[Workshop]", spread: float = 100.0) -> "onnx.ModelProto":
    """Return a network whose depthwise layer ``n2`` has channels far apart, which ``n4`` levels."""
    net = workshop.Net()
    scales = np.array([1.0, 1 / spread, 1 / spread, 2 / spread])
    features = net.op("Relu", net.conv("x"))
    weights = net.random.normal(0, 0.3, (4, 1, 3, 3)) * scales[:, None, None, None]
    bias = net.constant(net.random.uniform(0.1, 0.3, 4) * scales)
    depthwise = net.op("Conv", features, net.constant(weights), bias, group=4, pads=[1] * 4)
    levelled = net.random.normal(0, 0.5, (4, 4, 1, 1)) / scales[None, :, None, None]
    return net.finish(net.op("Conv", net.op("Relu", depthwise), net.constant(levelled)))


def masked_attention(workshop: "type[Workshop]") -> "onnx.ModelProto":
    """Return a layer of attention on (1, 8, 16) whose ``n4`` adds a mask of -10,000."""
    net = workshop.Net((1, 8, 16))
    query, key = (net.op("MatMul", "x", _matrix(net)) for _ in range(2))
    scores = net.op("MatMul", query, net.op("Transpose", key, perm=[0, 2, 1]))
    mask = np.zeros((8, 8))
    mask[:, 6:] = -1e4
    weights = net.op("Softmax", net.op("Add", scores, net.constant(mask)), axis=-1)
    return net.finish(net.op("MatMul", weights, query))


def _matrix(net: "Net") -> str:
    return net.constant(net.random.normal(0, 0.4, (16, 16)))


def flat_sigmoid(workshop: "type[Workshop]") -> "onnx.ModelProto":
    """Return a network whose sigmoid reads one channel far from 0, which ``n1`` spreads."""
    net = workshop.Net()
    wide = net.constant(np.array([90.0, 1, 1, 1])[:, None, None])
    return net.finish(net.conv(net.op("Sigmoid", net.op("Mul", net.conv("x"), wide))))


def plain(workshop: "type[Workshop]", size: int | str = 6) -> "onnx.ModelProto":
    """Return a network that int8 suits, unless its inputs have outliers."""
    net = workshop.Net(("n", 4, size, size))
    return net.finish(net.conv(net.op("Relu", net.conv("x", side=1))))


class Spiked:
    """Samples in each of which one value is 400."""

    def __iter__(self) -> Any:  # noqa: ANN401 - as of the workshop's samples
        for seed in range(4):
            values = np.random.default_rng(seed).standard_normal((1, 4, PLACES, PLACES))
            values[0, seed, seed, 2 * seed] = 400
            yield {"x": values.astype(np.float32)}


def tensor_weights(workshop: "type[Workshop]", *, quantized: bool) -> "onnx.ModelProto":
    """Return a network with weights of channels 20 times apart, in float or int8 of one scale."""
    net = workshop.Net()
    scales = np.array([1.0, 0.05, 0.05, 0.05])
    weights = net.random.normal(0, 0.3, (4, 4, 3, 3)) * scales[:, None, None, None]
    levelled = net.random.normal(0, 0.5, (4, 4, 1, 1)) / scales[None, :, None, None]
    if not quantized:
        first = net.op("Conv", "x", net.constant(weights))
        return net.finish(net.op("Conv", first, net.constant(levelled)))
    first = net.op("Conv", _rounded(net, "x", 0.04), _integers(net, weights))
    second = net.op("Conv", _rounded(net, first, 0.06), _integers(net, levelled))
    return net.finish(_rounded(net, second, 0.3))


def _integers(net: "Net", weights: "npt.NDArray[np.float64]") -> str:
    step = float(np.abs(weights).max() / 127)
    held = net.constant(np.rint(weights / step), "int8")
    return net.op("DequantizeLinear", held, net.constant(step), net.constant(0, "int8"))


def _rounded(net: "Net", value: str, step: float) -> str:
    zero = net.constant(0, "int8")
    steps = net.op("QuantizeLinear", value, net.constant(step), zero)
    return net.op("DequantizeLinear", steps, net.constant(step), zero)
