"""Replaces operators by what the ONNX standard says that they are made of.

The standard defines about a third of its operators as functions of others (LayerNormalization,
Attention, losses, most reductions). A converter that knows the others knows these.
"""

from collections.abc import Callable
from typing import Any

import onnx
import onnx_ir as ir
from onnx.inliner import inline_selected_functions

from edgeml_converters.graph.attributes import opset
from edgeml_converters.graph.constants import free_name

_STANDARD = ("", "ai.onnx")


def expand_functions(model: ir.Model, is_known: Callable[[ir.Node], bool]) -> bool:
    """Expand every node of the main graph that is not known and is defined as a function.

    Args:
        model: Changed in place; types of values should be known, as some definitions differ by
            type.
        is_known: Whether a node is to stay as it is.

    Returns:
        Whether anything was expanded.
    """
    changed = False
    for node in list(model.graph):
        if not is_known(node) and _is_function(node):
            changed |= _expand(model, node)
    return changed


def _is_function(node: ir.Node) -> bool:
    if node.domain not in _STANDARD or not onnx.defs.has(node.op_type):
        return False
    schema = _schema(node)
    return bool(schema.has_function or schema.has_context_dependent_function)


def _schema(node: ir.Node) -> Any:  # noqa: ANN401 - onnx's own class has incomplete types
    return onnx.defs.get_schema(node.op_type, opset(node))


def _attributes(node: ir.Node) -> list[ir.Attr]:
    """Return the attributes of a node, those that have their default value as well."""
    given = dict(node.attributes)
    for name, attribute in _schema(node).attributes.items():
        if name not in given and attribute.default_value.type != onnx.AttributeProto.UNDEFINED:
            given[name] = ir.from_proto(attribute.default_value)
    return list(given.values())


def _expand(model: ir.Model, node: ir.Node) -> bool:
    given = [value for value in node.inputs if value is not None]
    if any(value.type is None for value in given):
        return False
    expanded = inline_selected_functions(
        _alone(model, node), [("", node.op_type)], inline_schema_functions=True
    )
    body = ir.from_proto(expanded).graph
    nodes = list(body)
    if any(inner.op_type == node.op_type for inner in nodes):
        return False  # the standard has no definition for these types
    for port, outer in zip(list(body.inputs), dict.fromkeys(given), strict=True):
        port.replace_all_uses_with(outer)
    results = list(body.outputs)
    body.outputs.clear()
    body.remove(nodes)
    for inner in nodes:
        for value in inner.outputs:
            value.name = free_name(model.graph, f"{node.outputs[0].name}/{value.name}")
        inner.name = f"{node.name or node.outputs[0].name}/{inner.name or inner.op_type}"
    outputs = [output for output in node.outputs if output.name]
    ir.convenience.replace_nodes_and_values(model.graph, node, [node], nodes, outputs, results)
    return True


def _alone(model: ir.Model, node: ir.Node) -> onnx.ModelProto:
    """Return a model of the node only, with its inputs as inputs."""
    inputs = list(dict.fromkeys(value for value in node.inputs if value is not None))
    names = {value: f"in{index}" for index, value in enumerate(inputs)}
    copies = {
        value: ir.Value(name=name, type=value.type, shape=value.shape)
        for value, name in names.items()
    }
    single = ir.Node(
        node.domain,
        node.op_type,
        [None if value is None else copies[value] for value in node.inputs],
        _attributes(node),
        outputs=[
            ir.Value(name=f"out{index}" if output.name else "", type=output.type)
            for index, output in enumerate(node.outputs)
        ],
    )
    graph = ir.Graph(
        list(copies.values()),
        [output for output in single.outputs if output.name],
        nodes=[single],
        opset_imports=dict(model.graph.opset_imports),
        name="alone",
    )
    proto = ir.to_proto(ir.Model(graph, ir_version=model.ir_version))
    if None in node.inputs:
        # The inliner asks for the type of an input that is left out, and takes any.
        left_out = proto.graph.value_info.add()
        left_out.type.CopyFrom(proto.graph.input[0].type)
    return proto
