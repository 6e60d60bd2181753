"""Scaling the channels of a depthwise layer so that int8 breaks, and the float answers do not.

What a layer with one scale a tensor rounds away: channels 10,000 times weaker than others. That is
how networks come out of some trainings (Nagel et al., "Data-Free Quantization Through Weight
Equalization and Bias Correction", 2019), here by construction.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

NETWORK = Path(__file__).with_name("network.onnx")
LAYER = 1
"""Which of the depthwise layers is scaled."""
DECADES = 2.0
"""Factors lie between 10 to the power of minus this, and of this."""


def break_network(model: onnx.ModelProto, seed: int = 0) -> onnx.ModelProto:
    """Return *model* with the channels of one depthwise layer scaled, and its readers unscaled.

    The layer is linear, and so is what reads it: a mean over the image and a product with a gate,
    then convolutions over channels. Up to rounding the function is the same.

    Args:
        model: Float ONNX; it is not changed.
        seed: Of the factors, which are log-uniform.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    layer = [node for node in graph.node if _is_depthwise(graph, node)][LAYER]
    channels = _initializer(graph, layer.input[1]).dims[0]
    exponents = np.random.default_rng(seed).uniform(-DECADES, DECADES, channels)
    factors = 10.0**exponents
    for name in layer.input[1:]:
        _scale(_initializer(graph, name), factors, axis=0)
    for reader in _channel_mixers(graph, layer.output[0]):
        _scale(_initializer(graph, reader.input[1]), 1.0 / factors, axis=1)
    return result


def _is_depthwise(graph: onnx.GraphProto, node: onnx.NodeProto) -> bool:
    if node.op_type != "Conv":
        return False
    groups = next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)
    return groups > 1 and _initializer(graph, node.input[1]).dims[1] == 1


def _channel_mixers(graph: onnx.GraphProto, name: str) -> Iterator[onnx.NodeProto]:
    """Yield the convolutions that read *name*, through means and products."""
    for node in graph.node:
        if name not in node.input:
            continue
        if node.op_type == "Conv":
            yield node
        else:
            assert node.op_type in {"GlobalAveragePool", "Mul"}, "the readers are linear"
            yield from _channel_mixers(graph, node.output[0])


def _initializer(graph: onnx.GraphProto, name: str) -> onnx.TensorProto:
    found: onnx.TensorProto = next(t for t in graph.initializer if t.name == name)
    return found


def _scale(tensor: onnx.TensorProto, factors: np.ndarray, axis: int) -> None:
    array = numpy_helper.to_array(tensor)
    shape = [1] * array.ndim
    shape[axis] = -1
    scaled = (array * factors.reshape(shape)).astype(np.float32)
    tensor.CopyFrom(numpy_helper.from_array(scaled, tensor.name))
