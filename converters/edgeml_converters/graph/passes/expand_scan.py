"""Writes Scan as a Loop that picks one element of each sequence a round."""

from collections.abc import Sequence

import onnx_ir as ir

from edgeml_converters.graph.attributes import int_attribute, ints_attribute, opset
from edgeml_converters.graph.constants import static_shape
from edgeml_converters.graph.node_builder import NodeBuilder
from edgeml_converters.graph.rounds import count_rounds

_FIRST_OPSET_WITHOUT_BATCH = 9


def expand_scan(model: ir.Model) -> bool:
    """Expand every Scan of the main graph whose sequences are of known length."""
    changed = False
    for node in list(model.graph):
        if node.op_type == "Scan" and not node.domain:
            changed |= _expand(model.graph, node)
    return changed


def _expand(graph: ir.Graph, node: ir.Node) -> bool:
    sequences = int_attribute(node, "num_scan_inputs", 0)
    given = [value for value in node.inputs if value is not None]
    if opset(node) < _FIRST_OPSET_WITHOUT_BATCH or len(given) != len(node.inputs):
        return False
    states, scanned = given[: len(given) - sequences], given[len(given) - sequences :]
    shapes = [static_shape(value) for value in scanned]
    if any(shape is None for shape in shapes):
        return False
    axes = _listed(node, "scan_input_axes", sequences)
    axes = tuple(a % len(s or (1,)) for a, s in zip(axes, shapes, strict=True))
    steps = (shapes[0] or (0,))[axes[0]]
    build = NodeBuilder(graph, node)
    reversed_ = _listed(node, "scan_input_directions", sequences)
    scanned = [
        build.reverse(value, axis) if backwards else value
        for value, axis, backwards in zip(scanned, axes, reversed_, strict=True)
    ]
    body = _loop_body(node, graph, scanned, axes, len(states))
    results = build.loop(body, steps, states, len(node.outputs))
    build.replace(node, [*results[: len(states)], *_turned(build, node, results[len(states) :])])
    return True


def _listed(node: ir.Node, name: str, count: int) -> tuple[int, ...]:
    return ints_attribute(node, name) or (0,) * count


def _loop_body(
    node: ir.Node,
    graph: ir.Graph,
    scanned: Sequence[ir.Value],
    axes: Sequence[int],
    states: int,
) -> ir.Graph:
    """Return the body with the count of rounds in, which picks the elements by it."""
    body = node.attributes["body"].as_graph().clone(allow_outer_scope_values=True)
    elements = list(body.inputs)[states:]
    name = f"{node.name or node.outputs[0].name}/scan"
    build, count = count_rounds(body, graph.opset_imports, name)
    for port, sequence, axis in zip(elements, scanned, axes, strict=True):
        element = build.op("Gather", sequence, count, axis=axis)
        element.type = sequence.type
        port.replace_all_uses_with(element, replace_graph_outputs=True)
        body.inputs.remove(port)
    return body


def _turned(build: NodeBuilder, node: ir.Node, results: Sequence[ir.Value]) -> list[ir.Value]:
    """Return the sequences in the direction and along the axis that are asked for."""
    turned = []
    axes = _listed(node, "scan_output_axes", len(results))
    directions = _listed(node, "scan_output_directions", len(results))
    body = node.attributes["body"].as_graph()
    elements = list(body.outputs)[-len(results) :]
    for result, axis, backwards, element in zip(results, axes, directions, elements, strict=True):
        value = build.reverse(result, 0) if backwards else result
        if axis:
            rank = 1 + (0 if element.shape is None else element.shape.rank())
            order = list(range(1, rank))
            order.insert(axis % rank, 0)
            value = build.op("Transpose", value, perm=order)
        turned.append(value)
    return turned
