"""Writes slices that together are all of a tensor as one Split.

Exporters write ``unbind`` and ``chunk`` (queries, keys and values of an attention, for one) as a
Slice for each part.
"""

import onnx_ir as ir

from edgeml_converters.graph.attributes import constant_input
from edgeml_converters.graph.constants import static_shape
from edgeml_converters.graph.node_builder import NodeBuilder

_Part = tuple[int, int]
"""Where a part starts, and where it ends."""


def join_slices(model: ir.Model) -> bool:
    """Replace every set of equal slices that is complete; return whether there was one."""
    changed = False
    for value in _sliced(model.graph):
        for axis, parts in _parts(value).items():
            changed |= _join(model.graph, value, axis, parts)
    return changed


def _sliced(graph: ir.Graph) -> list[ir.Value]:
    nodes = (node for node in graph if node.op_type == "Slice" and not node.domain)
    values = {id(node.inputs[0]): node.inputs[0] for node in nodes}
    return [value for value in values.values() if value is not None]


def _parts(value: ir.Value) -> dict[int, dict[_Part, ir.Node]]:
    """Return the slices of *value* along one axis, by axis."""
    found: dict[int, dict[_Part, ir.Node]] = {}
    for node in value.consumers():
        part = _part(node, value) if node.op_type == "Slice" and not node.domain else None
        if part is not None:
            axis, start, end = part
            if (start, end) in found.setdefault(axis, {}):
                return {}  # twice the same part: common parts are joined elsewhere
            found[axis][start, end] = node
    return found


def _part(node: ir.Node, value: ir.Value) -> tuple[int, int, int] | None:
    shape = static_shape(value)
    given = [constant_input(node, index) for index in range(1, min(len(node.inputs), 5))]
    if node.inputs[0] is not value or shape is None or len(given) < 3:
        return None
    starts, ends, axes, *steps = given
    if starts is None or ends is None or axes is None or starts.size != 1:
        return None
    if steps and (steps[0] is None or int(steps[0].reshape(-1)[0]) != 1):
        return None
    axis = int(axes.reshape(-1)[0]) % len(shape)
    part = slice(int(starts.reshape(-1)[0]), int(ends.reshape(-1)[0])).indices(shape[axis])
    return axis, part[0], part[1]


def _join(graph: ir.Graph, value: ir.Value, axis: int, parts: dict[_Part, ir.Node]) -> bool:
    shape = static_shape(value)
    assert shape is not None, "its slices were measured"
    count = len(parts)
    size = shape[axis] // max(count, 1)
    wanted = [(index * size, (index + 1) * size) for index in range(count)]
    if count < 2 or size * count != shape[axis] or sorted(parts) != wanted:
        return False
    nodes = [parts[part] for part in wanted]
    if any(node.outputs[0].is_graph_output() for node in nodes):
        return False
    order = {id(node): place for place, node in enumerate(graph)}
    build = NodeBuilder(graph, min(nodes, key=lambda node: order[id(node)]))
    for node, result in zip(nodes, build.split(value, axis, count, size), strict=True):
        NodeBuilder(graph, node).replace(node, [result])
    return True
