"""Scales the constant weights and bias of an operator per output channel.

These are Conv, ConvTranspose, Gemm, and BatchNormalization, whose scale and offset are as good as
weights and bias.
"""

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.attributes import (
    constant_input,
    float_attribute,
    input_value,
    int_attribute,
)
from edgeml_converters.graph.constants import add_constant
from edgeml_converters.graph.surgery import sole_reader


def weighted_producer(node: ir.Node) -> ir.Node | None:
    """Return the operator with weights that ``node`` alone reads by its first input."""
    source = input_value(node, 0)
    producer = None if source is None else source.producer()
    if source is None or producer is None or sole_reader(source) is not node:
        return None
    return producer if output_channel_axis(producer) is not None else None


def output_channel_axis(node: ir.Node) -> int | None:
    """Return the axis of the weights that counts output channels; ``None`` for other operators."""
    if node.domain:
        return None
    if node.op_type in {"Conv", "BatchNormalization"}:
        return None if int_attribute(node, "training_mode", 0) else 0
    if node.op_type == "ConvTranspose" and int_attribute(node, "group", 1) == 1:
        return 1
    if node.op_type == "Gemm":
        plain = float_attribute(node, "alpha", 1.0) == float_attribute(node, "beta", 1.0) == 1.0
        return 1 - int_attribute(node, "transB", 0) if plain else None
    return None


def scale_weights(node: ir.Node, factor: np.ndarray, offset: np.ndarray, *, name: str) -> bool:
    """Make a node compute ``factor * y + offset`` in place of ``y``.

    Args:
        node: A node with an ``output_channel_axis``.
        factor: Of shape ``(channels,)``.
        offset: Of shape ``(channels,)``.
        name: The tensor that the node will write; names the new weights.

    Returns:
        Whether it was done; weights that are not constant cannot be scaled.
    """
    axis = output_channel_axis(node)
    graph = node.graph
    weights = constant_input(node, 1)
    bias = _bias(node, len(factor))
    if axis is None or graph is None or weights is None or bias is None:
        return False
    if weights.shape[axis] != len(factor):
        return False
    along = [1] * weights.ndim
    along[axis] = -1
    scaled = weights.astype(np.float64) * factor.reshape(along)
    moved = bias.astype(np.float64) * factor + offset
    node.replace_input_with(1, add_constant(graph, f"{name}/weight", scaled.astype(weights.dtype)))
    if len(node.inputs) < 3:
        node.resize_inputs(3)
    node.replace_input_with(2, add_constant(graph, f"{name}/bias", moved.astype(weights.dtype)))
    return True


def _bias(node: ir.Node, channels: int) -> np.ndarray | None:
    if input_value(node, 2) is None:
        return np.zeros(channels)
    bias = constant_input(node, 2)
    if bias is None or bias.size not in {1, channels} or max(bias.shape, default=1) != bias.size:
        return None
    if bias.ndim and bias.size > 1 and bias.shape[-1] != channels:
        return None  # a Gemm whose bias runs along the rows
    return np.broadcast_to(bias.reshape(-1), (channels,))
