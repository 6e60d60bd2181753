"""Small cuts in a graph that several passes make."""

import onnx_ir as ir


def sole_reader(value: ir.Value) -> ir.Node | None:
    """Return the only node that reads a value; ``None`` if there are more, or it is an output.

    A reader in the body of a node runs whenever that node does, so it is not for the passes.
    """
    uses = value.uses()
    if len(uses) != 1 or value.is_graph_output():
        return None
    reader = next(iter(uses)).node
    return reader if reader.graph is value.graph else None


def remove_node(node: ir.Node) -> None:
    """Remove a node whose outputs nobody reads."""
    graph = node.graph
    assert graph is not None
    graph.remove(node, safe=True)


def bypass(node: ir.Node, source: ir.Value) -> bool:
    """Let ``source`` stand for the first output of ``node`` and remove the node.

    Where the output is an output of the graph, ``source`` takes its name; this cannot be done when
    ``source`` is itself an input, a constant or an output.

    Returns:
        Whether it was done.
    """
    output = node.outputs[0]
    _complete(source, output)
    if output.is_graph_output():
        fixed = source.is_graph_input() or source.is_initializer() or source.is_graph_output()
        if fixed or source.producer() is None:
            return False
        name = output.name
        output.replace_all_uses_with(source, replace_graph_outputs=True)
        remove_node(node)
        source.name = name
    else:
        output.replace_all_uses_with(source)
        remove_node(node)
    return True


def _complete(source: ir.Value, output: ir.Value) -> None:
    """Let ``source`` keep what is known of ``output`` only: after an operator of another domain."""
    source.type = source.type or output.type
    if source.shape is None:
        source.shape = output.shape


def absorb(node: ir.Node, producer: ir.Node) -> None:
    """Let ``producer`` write what ``node`` wrote (name, shape) and remove the node.

    The caller has made sure that ``node`` is the sole reader of the producer's first output.
    """
    source, output = producer.outputs[0], node.outputs[0]
    name, shape = output.name, output.shape
    _complete(source, output)
    output.replace_all_uses_with(source, replace_graph_outputs=True)
    remove_node(node)
    source.name = name
    source.shape = shape
