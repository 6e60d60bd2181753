"""The nodes before and after one, where nothing else reads what is between."""

import onnx_ir as ir


def only_neighbours(node: ir.Node) -> tuple[ir.Node | None, ir.Node | None]:
    """Return the node before and the one after a node of one input and output.

    Both are None where an output of the graph, or another node, would lose what it reads if the
    three became one.
    """
    source, target = node.inputs[0], node.outputs[0]
    if source is None or len(source.uses()) != 1 or source.is_graph_output():
        return None, None
    if len(target.uses()) != 1 or target.is_graph_output():
        return None, None
    return source.producer(), next(iter(target.uses())).node
