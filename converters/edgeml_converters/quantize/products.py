"""The products of all pairs of inputs of a filter: what adaptive rounding minimizes with.

With ``X`` the inputs of one output position, rounding errors ``e`` of a row of weights change the
output by ``e X``; the squares add up to ``e (sum X X^T) e^T``.
"""

import math
from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.attributes import ints_attribute
from edgeml_converters.graph.constants import add_constant
from edgeml_converters.quantize.observation import Floats
from edgeml_converters.quantize.observers import Seen, State
from edgeml_converters.quantize.totals import Totals
from edgeml_converters.quantize.watch import WatchedGraph
from edgeml_converters.quantize.weighted import Weighted

MOST_TAPS = 2304
"""A filter with more inputs than this (256 channels of 3x3) is left to ordinary rounding."""
MOST_ENTRIES = 1 << 23
POSITIONS = 64
"""So many positions of an image are looked at, about; neighbours differ little."""
_CARRIED = ("auto_pad", "dilations", "kernel_shape", "pads")


class ProductObserver:
    """The products for each of the given nodes.

    Args:
        nodes: Nodes of the watched graph.
    """

    def __init__(self, nodes: tuple[Weighted, ...]) -> None:
        self._nodes = {item.node.name or "": item for item in nodes if _is_small(item)}
        self._totals = Totals[str](np.add, np.float32)

    def watch(self, graph: WatchedGraph, value: ir.Value) -> None:
        """Watch *value* for each node that multiplies it."""
        for name, item in self._nodes.items():
            if item.source is value:
                self._totals.expect(name, graph.output(_products(graph, item)))

    def take(self, seen: Seen) -> None:
        """Add one sample."""
        self._totals.take(seen)

    @property
    def products(self) -> Mapping[str, Floats]:
        """(groups, taps, taps) by the name of the node."""
        return self._totals.means

    def state(self) -> State:
        """Return the sums."""
        return self._totals.state()

    def restore(self, state: State) -> None:
        """Continue with these sums."""
        self._totals.restore(state)


def _is_small(item: Weighted) -> bool:
    groups, _, taps = item.matrices.shape
    return bool(taps <= MOST_TAPS and groups * taps * taps <= MOST_ENTRIES)


def _products(graph: WatchedGraph, item: Weighted) -> ir.Value:
    groups, _, taps = item.matrices.shape
    if item.node.op_type == "Conv":
        rows = graph.node("Reshape", _patches(graph, item), graph.constant([groups, taps, -1]))
        columns = graph.node("Transpose", rows, perm=[0, 2, 1])
    else:
        columns = graph.node("Reshape", item.source, graph.constant([1, -1, taps]))
        rows = graph.node("Transpose", columns, perm=[0, 2, 1])
    return graph.node("MatMul", rows, columns)


def _patches(graph: WatchedGraph, item: Weighted) -> ir.Value:
    """Return what lies under the filter at positions all over the image.

    A convolution with one-hot filters gives that, with strides that leave positions out.
    """
    node, taps = item.node, item.kernel_size
    kernel = item.weights.shape[2:]
    channels = item.groups * item.weights.shape[1]
    strides = ints_attribute(node, "strides") or (1,) * len(kernel)
    apart = _apart(node, len(kernel))
    if taps == 1 and apart == 1 and set(strides) == {1}:
        return item.source
    single = np.eye(taps, dtype=np.float32).reshape(taps, 1, *kernel)
    repeats = (channels, *(1,) * (1 + len(kernel)))
    filters = add_constant(graph.graph, "edgeml_watch_taps", np.tile(single, repeats))
    found = graph.node(
        "Conv", item.source, filters, group=channels, strides=[apart * step for step in strides]
    )
    maker = found.producer()
    assert maker is not None
    for name in _CARRIED:
        if name in node.attributes:
            maker.attributes[name] = node.attributes[name]
    return found


def _apart(node: ir.Node, axes: int) -> int:
    """Return every how many positions along an axis are enough for ``POSITIONS`` of them."""
    shape = node.outputs[0].shape
    sizes = () if shape is None else shape.dims[2:]
    positions = math.prod(size for size in sizes if isinstance(size, int))
    return max(1, int((positions / POSITIONS) ** (1 / axes)))
