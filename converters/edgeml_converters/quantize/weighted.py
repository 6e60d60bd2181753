"""Nodes that multiply an activation by constant weights: the weights as one matrix a group.

Conv, Gemm and MatMul are the same sum of products; written as ``(groups, outputs, taps)`` their
weights are corrected, equalized and rounded by the same few lines.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgeml_converters.graph.attributes import input_value, int_attribute
from edgeml_converters.graph.constants import add_constant
from edgeml_converters.quantize.constants import constant_floats, is_constant
from edgeml_converters.quantize.observation import Channels

WEIGHTS = 1
BIAS = 2
_OPS = ("Conv", "Gemm", "MatMul")


@dataclass(frozen=True)
class Weighted:
    """A node with constant weights.

    Args:
        node: A Conv, Gemm or MatMul.
        source: What it multiplies.
        channel_axis: The axis of the input channels in *source*.
        groups: How many groups of channels a Conv has; 1 otherwise.
    """

    node: ir.Node
    source: ir.Value
    channel_axis: int
    groups: int

    @property
    def channels(self) -> Channels:
        """The key of what calibration saw of its input channels."""
        return self.source.name or "", self.channel_axis

    @property
    def weights(self) -> npt.NDArray[np.float32]:
        """The constant as it stands in the graph."""
        array = constant_floats(self.node.inputs[WEIGHTS])
        assert array is not None
        return array

    @property
    def matrices(self) -> npt.NDArray[np.float32]:
        """(groups, outputs, taps): taps are the input channels, each with its kernel."""
        weights = self.weights.T if self._transposed else self.weights
        return weights.reshape(self.groups, weights.shape[0] // self.groups, -1)

    def with_matrices(self, matrices: npt.NDArray[np.float32]) -> None:
        """Replace the weights in the graph; other readers of the constant keep it."""
        if self._transposed:
            array = np.ascontiguousarray(matrices[0].T)
        else:
            array = matrices.reshape(self.weights.shape)
        replace_constant(self.node, WEIGHTS, array)

    @property
    def kernel_size(self) -> int:
        """How many taps an input channel has."""
        return int(np.prod(self.weights.shape[2:])) if self.node.op_type == "Conv" else 1

    @property
    def _transposed(self) -> bool:
        """Whether the constant has its inputs first."""
        if self.node.op_type == "Gemm":
            return not int_attribute(self.node, "transB", 0)
        return self.node.op_type == "MatMul"


def weighted_nodes(graph: ir.Graph) -> Iterator[Weighted]:
    """Yield the nodes of *graph* that multiply a float32 activation by constant float32 weights."""
    for node in graph:
        found = weighted(node)
        if found is not None:
            yield found


def weighted(node: ir.Node) -> Weighted | None:
    """Return *node* as one with constant weights, or None when it is not."""
    if node.domain or node.op_type not in _OPS:
        return None
    source, weights = input_value(node, 0), constant_floats(input_value(node, WEIGHTS))
    if source is None or weights is None or is_constant(source):
        return None
    if source.dtype != ir.DataType.FLOAT or not weights.size or not np.isfinite(weights).all():
        return None
    if node.op_type == "Conv":
        groups = int_attribute(node, "group", 1)
        return Weighted(node, source, 1, groups) if source.shape is not None else None
    if weights.ndim != 2 or source.shape is None or int_attribute(node, "transA", 0):
        return None
    return Weighted(node, source, len(source.shape) - 1, 1)


def replace_constant(node: ir.Node, position: int, array: npt.NDArray[np.float32]) -> None:
    """Let *array* stand for the constant that *node* reads at *position*."""
    old, graph = node.inputs[position], node.graph
    assert old is not None
    assert isinstance(graph, ir.Graph)
    node.replace_input_with(position, add_constant(graph, f"{old.name}_corrected", array))
