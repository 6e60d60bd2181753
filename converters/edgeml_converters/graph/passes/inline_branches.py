"""Puts the branch that is taken in the place of an If whose condition is constant."""

import onnx_ir as ir

from edgeml_converters.graph.attributes import constant_input
from edgeml_converters.graph.inlining import inline_body
from edgeml_converters.graph.node_builder import NodeBuilder


def inline_branches(model: ir.Model) -> bool:
    """Inline every such If of the main graph; return whether there was one."""
    changed = False
    for node in list(model.graph):
        condition = constant_input(node, 0) if node.op_type == "If" and not node.domain else None
        if condition is None or condition.size != 1:
            continue
        branch = "then_branch" if condition.reshape(-1)[0] else "else_branch"
        results = inline_body(model.graph, node, node.attributes[branch].as_graph(), [])
        build = NodeBuilder(model.graph, node)
        build.replace(node, [build.op("Identity", result) for result in results])
        changed = True
    return changed
