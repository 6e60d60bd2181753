"""Transposes between two Reshapes, as exporters write what moves parts of axes."""

from collections.abc import Iterator

import onnx_ir as ir

from edgeml_converters.graph.attributes import ints_attribute


def reshaped_transposes(
    graph: ir.Graph, order: tuple[int, ...]
) -> Iterator[tuple[ir.Node, ir.Node, ir.Node]]:
    """Yield Reshape, Transpose and Reshape wherever the middle one has that order of axes.

    Nothing else reads what is between them, and no output of the graph is. The graph may be
    changed meanwhile.
    """
    for node in list(graph):
        if node.op_type != "Transpose" or node.domain or node.graph is None:
            continue
        before, after = _only_neighbours(node)
        if before is None or after is None or {before.op_type, after.op_type} != {"Reshape"}:
            continue
        if ints_attribute(node, "perm") == order:
            yield before, node, after


def _only_neighbours(node: ir.Node) -> tuple[ir.Node | None, ir.Node | None]:
    source, target = node.inputs[0], node.outputs[0]
    if source is None or len(source.uses()) != 1 or source.is_graph_output():
        return None, None
    if len(target.uses()) != 1 or target.is_graph_output():
        return None, None
    return source.producer(), next(iter(target.uses())).node
