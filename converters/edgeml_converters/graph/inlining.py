"""Puts a copy of a node's body in the place of the node, or of one round of it."""

from collections.abc import Sequence

import onnx_ir as ir

from edgeml_converters.graph.constants import free_name


def inline_body(
    graph: ir.Graph, before: ir.Node, body: ir.Graph, given: Sequence[ir.Value]
) -> list[ir.Value]:
    """Insert a copy of a body's nodes before a node, and return what the body returns.

    Args:
        graph: Where the nodes go.
        before: The node that they go before, and are named after.
        body: It is not changed.
        given: What enters by the body's inputs.
    """
    copy = body.clone(allow_outer_scope_values=True)
    prefix = before.name or str(before.outputs[0].name)
    results = list(copy.outputs)
    copy.outputs.clear()
    entering = list(copy.inputs)
    copy.inputs.clear()
    replaced = dict(zip(entering, given, strict=True))
    for port, value in replaced.items():
        port.replace_all_uses_with(value)
    for constant in list(copy.initializers.values()):
        del copy.initializers[str(constant.name)]
        constant.name = free_name(graph, f"{prefix}/{constant.name}")
        graph.register_initializer(constant)
    nodes = list(copy)
    copy.remove(nodes)
    for node in nodes:
        node.name = f"{prefix}/{node.name or node.op_type}"
        for output in node.outputs:
            if output.name:
                output.name = free_name(graph, f"{prefix}/{output.name}")
        graph.insert_before(before, node)
    return [replaced.get(value, value) for value in results]
