"""Equalization: channels of an activation are brought to one size before they share one scale.

The weights before an activation are divided, channel by channel, by what the weights behind it are
multiplied with. What lies between must let a factor through: pools, Relu, a gate. The float
function stays as it is. The idea is that of Nagel et al., "Data-Free Quantization Through Weight
Equalization and Bias Correction" (2019); the factors are those of Xiao et al., "SmoothQuant"
(2023), since the weights before have a scale for each channel anyway and only the activation
suffers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgeml_converters.graph import copy_model
from edgeml_converters.graph.attributes import axes, input_value, padding
from edgeml_converters.quantize.constants import constant_floats
from edgeml_converters.quantize.eligibility import clamp_bounds, node_label
from edgeml_converters.quantize.observation import Channels, Floats
from edgeml_converters.quantize.weighted import BIAS, Weighted, replace_constant, weighted

LEAST_SPREAD: Final = 4.0
"""Channels whose sizes differ by less are left alone: two bits at most are to be won."""
MOST_FACTOR: Final = 2.0**12
_CHANNEL_AXIS: Final = 1
_LINEAR: Final = {
    *("AveragePool", "Dropout", "GlobalAveragePool", "GlobalMaxPool", "Identity"),
    *("LeakyRelu", "MaxPool", "Relu"),
}


@dataclass(frozen=True)
class Region:
    """Values that can only be scaled together.

    Args:
        source: The node whose output channels are divided.
        values: The activations between, the output of *source* first.
        sinks: The nodes whose input channels are multiplied.
    """

    source: Weighted
    values: tuple[ir.Value, ...]
    sinks: tuple[Weighted, ...]


def equalize(model: ir.Model, peaks: Mapping[Channels, Floats]) -> tuple[ir.Model, tuple[str, ...]]:
    """Return *model* with equalized channels, and the names of the nodes that were divided.

    Args:
        model: An optimized float graph; it is not changed.
        peaks: (channels,) the largest magnitude of each channel, by tensor and axis.
    """
    result = copy_model(model)
    changed = []
    for node in result.graph:
        region = _region(node)
        if region is None:
            continue
        factors = _factors(region, peaks.get((region.values[0].name or "", _CHANNEL_AXIS)))
        if factors is not None:
            _divide(region.source, factors)
            for sink in region.sinks:
                _multiply(sink, factors)
            changed.append(node_label(node))
    return result, tuple(changed)


def _region(node: ir.Node) -> Region | None:
    """Return the region behind *node*, or None where some reader lets no factor through."""
    source = weighted(node)
    if source is None or node.op_type not in ("Conv", "Gemm"):
        return None
    values, sinks = [node.outputs[0]], list[Weighted]()
    for value in values:  # grows while it is read
        if value.is_graph_output() or not value.uses():
            return None
        for user, position in value.uses():
            found = _behind(user, position, values)
            if found is None:
                return None
            if isinstance(found, Weighted):
                sinks.append(found)
            elif found not in values:
                values.append(found)
    return Region(source, tuple(values), tuple(sinks)) if sinks else None


def _behind(user: ir.Node, position: int, values: list[ir.Value]) -> ir.Value | Weighted | None:
    """Return what a factor on the channels of an input reaches: a value, or weights."""
    if user.op_type in ("Conv", "Gemm") and position == 0:
        return weighted(user)
    passes = user.op_type in _LINEAR and position == 0
    if user.op_type == "Clip" and position == 0:
        passes = clamp_bounds(user) == (0.0, float("inf"))
    elif user.op_type == "Mul":
        other = user.inputs[1 - position]
        passes = other is not None and other not in values
    elif user.op_type == "ReduceMean":
        passes = position == 0 and _keeps_channels(user)
    elif user.op_type in ("Flatten", "Reshape", "Squeeze"):
        passes = position == 0 and _is_vector(user)
    elif user.op_type == "Pad":
        shape = user.outputs[0].shape
        pad = None if shape is None else padding(user, len(shape))
        passes = pad is not None and pad.mode == "constant" and not pad.value
    return user.outputs[0] if passes else None


def _keeps_channels(node: ir.Node) -> bool:
    source, over = input_value(node, 0), axes(node)
    rank = None if source is None or source.shape is None else source.shape.rank()
    return (
        bool(over) and rank is not None and all(axis % rank > _CHANNEL_AXIS for axis in over or ())
    )


def _is_vector(node: ir.Node) -> bool:
    """Return whether images of one pixel only lose, or gain, their spatial axes."""
    source = input_value(node, 0)
    before = None if source is None or source.shape is None else source.shape.dims
    after = None if node.outputs[0].shape is None else node.outputs[0].shape.dims
    if before is None or after is None or len(before) < 2 or len(after) < 2:
        return False
    same = isinstance(before[1], int) and before[1] == after[1]
    return same and all(size == 1 for size in (*before[2:], *after[2:]))


def _factors(region: Region, peaks: Floats | None) -> npt.NDArray[np.float32] | None:
    """Return (channels,) what to divide by, or None where it is not worth it."""
    if peaks is None or not peaks.all() or peaks.max() / peaks.min() < LEAST_SPREAD:
        return None
    if any(_inputs(sink) != len(peaks) for sink in region.sinks):
        return None
    behind = np.max([_relative_peaks(sink) for sink in region.sinks], axis=0)
    factors = np.sqrt(peaks / peaks.max() / np.maximum(behind, 1e-12))
    factors /= np.exp(np.mean(np.log(factors)))
    clipped = np.clip(factors, 1.0 / MOST_FACTOR, MOST_FACTOR)
    # Powers of two leave every product exactly as it was.
    return np.asarray(2.0 ** np.rint(np.log2(clipped)), np.float32)


def _inputs(sink: Weighted) -> int:
    weights = sink.matrices
    return int(sink.groups * weights.shape[2] // sink.kernel_size)


def _relative_peaks(sink: Weighted) -> npt.NDArray[np.float64]:
    """Return (inputs,) the largest weight of each input channel, as a part of all of them."""
    groups, outputs, taps = sink.matrices.shape
    by_channel = sink.matrices.reshape(groups, outputs, taps // sink.kernel_size, sink.kernel_size)
    peaks = np.abs(by_channel).max(axis=(1, 3)).reshape(-1).astype(np.float64)
    return np.asarray(peaks / max(peaks.max(), 1e-30))


def _divide(source: Weighted, factors: npt.NDArray[np.float32]) -> None:
    matrices = source.matrices
    source.with_matrices(matrices / factors.reshape(*matrices.shape[:2], 1))
    bias = constant_floats(input_value(source.node, BIAS))
    if bias is not None:
        spread = np.broadcast_to(bias.reshape(-1), factors.shape)
        replace_constant(source.node, BIAS, (spread / factors).astype(np.float32))


def _multiply(sink: Weighted, factors: npt.NDArray[np.float32]) -> None:
    matrices = sink.matrices
    spread = np.repeat(factors.reshape(sink.groups, -1), sink.kernel_size, axis=1)
    sink.with_matrices(matrices * spread[:, None, :])
