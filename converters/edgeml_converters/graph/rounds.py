"""Makes the body of something that runs so many times the body of a Loop."""

from collections.abc import Mapping

import onnx_ir as ir

from edgeml_converters.graph.node_builder import NodeBuilder


def count_rounds(
    body: ir.Graph, opsets: Mapping[str, int], name: str
) -> tuple[NodeBuilder, ir.Value]:
    """Let a count and a condition that always holds enter a body before its own inputs.

    Args:
        body: Changed in place; the condition also leaves it, as its first output.
        opsets: Of the graph around it.
        name: What new nodes are named after.

    Returns:
        What builds nodes at the beginning of the body, and the count (int64, from 0).
    """
    body.opset_imports.update(opsets)
    count = ir.Value(name=f"{name}/count", type=ir.TensorType(ir.DataType.INT64))
    goes_on = ir.Value(name=f"{name}/holds", type=ir.TensorType(ir.DataType.BOOL))
    count.shape = goes_on.shape = ir.Shape([])
    again = ir.node("Identity", [goes_on], name=f"{name}/round")
    again.outputs[0].name = f"{name}/still_holds"
    first = next(iter(body), None)
    if first is None:
        body.append(again)
    else:
        body.insert_before(first, again)
    body.inputs.insert(0, count)
    body.inputs.insert(1, goes_on)
    body.outputs.insert(0, again.outputs[0])
    return NodeBuilder(body, again), count
