"""Writes the windows of an image as SpaceToDepth and DepthToSpace.

Attention in windows (Liu et al., "Swin Transformer", 2021) cuts an image, channels last, into
squares by Reshape, Transpose of six axes and Reshape, and puts them together likewise. The squares
are what blocks of an image as channels are, for which there is one operator without six axes.
"""

import onnx_ir as ir

from edgeml_converters.graph.constants import static_shape
from edgeml_converters.graph.node_builder import NodeBuilder
from edgeml_converters.graph.passes.reshaped_transposes import reshaped_transposes

_SWAPPED = (0, 1, 3, 2, 4, 5)
_TO_CHANNELS_FIRST = [0, 3, 1, 2]
_FROM_CHANNELS_FIRST = [0, 2, 3, 1]


def turn_windows(model: ir.Model) -> bool:
    """Rewrite every cut into windows and every join of them; return whether there was one."""
    changed = False
    for before, _, after in reshaped_transposes(model.graph, _SWAPPED):
        changed |= _turn(model.graph, before, after)
    return changed


def _turn(graph: ir.Graph, before: ir.Node, after: ir.Node) -> bool:
    source = before.inputs[0]
    assert source is not None
    values = (source, before.outputs[0], after.outputs[0])
    first, split, last = (static_shape(value) for value in values)
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
