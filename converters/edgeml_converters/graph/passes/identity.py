"""Removes nodes that hand their input on unchanged."""

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.attributes import constant_input, input_value, opset
from edgeml_converters.graph.surgery import bypass


def remove_identities(model: ir.Model) -> bool:
    """Remove Identity, inference-time Dropout and Cast to the type that is there already."""
    changed = False
    for node in list(model.graph):
        source = input_value(node, 0)
        if source is not None and _hands_on(node, source):
            changed |= bypass(node, source)
    return changed


def _hands_on(node: ir.Node, source: ir.Value) -> bool:
    if node.domain or any(output.uses() for output in node.outputs[1:]):
        return False
    if any(output.is_graph_output() for output in node.outputs[1:]):
        return False
    if node.op_type == "Identity":
        return True
    if node.op_type == "Dropout":
        return not drops(node)
    if node.op_type == "Cast":
        return source.dtype is not None and source.dtype == node.outputs[0].dtype
    return False


def drops(node: ir.Node) -> bool:
    """Whether a Dropout may be in training mode (an input since opset 12, off by default)."""
    if opset(node) < 12 or input_value(node, 2) is None:
        return False
    training = constant_input(node, 2)
    return training is None or bool(np.any(training))
