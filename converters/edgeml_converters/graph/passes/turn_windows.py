"""Writes the windows of an image as SpaceToDepth and DepthToSpace.

Attention in windows (Liu et al., "Swin Transformer", 2021) cuts an image, channels last, into
squares by Reshape, Transpose of six axes and Reshape, and puts them together likewise. The squares
are what blocks of an image as channels are, for which there is one operator without six axes.
"""

import onnx_ir as ir

from edgeml_converters.graph.attributes import ints_attribute
from edgeml_converters.graph.constants import static_shape
from edgeml_converters.graph.node_builder import NodeBuilder
from edgeml_converters.graph.passes.neighbours import only_neighbours

_SWAPPED = (0, 1, 3, 2, 4, 5)
_TO_CHANNELS_FIRST = [0, 3, 1, 2]
_FROM_CHANNELS_FIRST = [0, 2, 3, 1]


def turn_windows(model: ir.Model) -> bool:
    """Rewrite every cut into windows and every join of them; return whether there was one."""
    changed = False
    for node in list(model.graph):
        if node.op_type == "Transpose" and not node.domain and node.graph is not None:
            changed |= _turn(model.graph, node)
    return changed


def _turn(graph: ir.Graph, transpose: ir.Node) -> bool:
    before, after = only_neighbours(transpose)
    if before is None or after is None or {before.op_type, after.op_type} != {"Reshape"}:
        return False
    if ints_attribute(transpose, "perm") != _SWAPPED:
        return False
    source, target, middle = before.inputs[0], after.outputs[0], transpose.inputs[0]
    assert source is not None
    assert middle is not None
    first, split, last = (static_shape(value) for value in (source, middle, target))
    if first is None or split is None or last is None or len(split) != 6:
        return False
    build = NodeBuilder(graph, after)
    result = _cut(build, source, first, split, last) or _join(build, source, split, last)
    if result is None:
        return False
    build.replace(after, [result])
    return True


Shape = tuple[int, ...]


def _cut(
    build: NodeBuilder, source: ir.Value, image: Shape, split: Shape, target: Shape
) -> ir.Value | None:
    batch, rows, size, columns, width, channels = split
    if image != (batch, rows * size, columns * width, channels) or size != width or size == 1:
        return None
    first = build.op("Transpose", source, perm=_TO_CHANNELS_FIRST)
    blocks = build.op("SpaceToDepth", first, blocksize=size)
    return build.reshape(build.op("Transpose", blocks, perm=_FROM_CHANNELS_FIRST), target)


def _join(build: NodeBuilder, source: ir.Value, split: Shape, image: Shape) -> ir.Value | None:
    batch, rows, columns, size, width, channels = split
    if image != (batch, rows * size, columns * width, channels) or size != width or size == 1:
        return None
    blocks = build.reshape(source, (batch, rows, columns, size * size * channels))
    first = build.op("Transpose", blocks, perm=_TO_CHANNELS_FIRST)
    whole = build.op("DepthToSpace", first, blocksize=size)
    return build.op("Transpose", whole, perm=_FROM_CHANNELS_FIRST)
