"""Closes the bodies of If and Loop: what they read of the graph around them becomes an input.

A closed body is a graph like any other, which the passes can simplify and the writer can write by
itself. Knows nothing of TFLite.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import onnx_ir as ir
from onnx_ir.traversal import RecursiveGraphIterator

from edgeml_converters.graph.constants import add_constant, constant_array, free_name, static_shape

CLOSED = "edgeml.closed"
"""The domain of nodes whose bodies are closed; they are never written to an ONNX file."""


@dataclass(frozen=True)
class Closed:
    """A closed body.

    Args:
        model: The body as the graph of a model, its inputs after the formal ones those captured.
        captured: The values around the node that it read, as far as they are not constant.
    """

    model: ir.Model
    captured: tuple[ir.Value, ...]


def bodies(node: ir.Node) -> list[ir.Graph]:
    """Return the graphs that a node runs."""
    graphs = ir.AttributeType.GRAPH
    return [a.as_graph() for a in node.attributes.values() if a.type == graphs]


def captured_values(body: ir.Graph) -> tuple[ir.Value, ...]:
    """Return the values of the graphs around a body that it reads, in the order they are read."""
    inner = set(_own_values(body))
    read = (value for node in RecursiveGraphIterator(body) for value in node.inputs)
    return tuple(
        dict.fromkeys(v for v in (*read, *body.outputs) if v is not None and v not in inner)
    )


def close_body(
    body: ir.Graph,
    around: ir.Model,
    formal: Sequence[ir.Value],
    captured: Sequence[ir.Value],
) -> Closed:
    """Return a closed copy of a body.

    Args:
        body: It is not changed.
        around: The model it is in.
        formal: The values that enter by the body's own inputs: each gives its input type and
            shape, a constant becomes one of the body.
        captured: What else enters: at least `captured_values`; so that two bodies can have the
            same inputs, it may be more.
    """
    graph = body.clone(allow_outer_scope_values=True)
    graph.opset_imports.update(around.graph.opset_imports)
    for node in graph:
        for output in node.outputs:
            output.shape = None
    _bind_formal(graph, formal)
    replaced: dict[ir.Value, ir.Value] = {}
    for value in captured:
        array = constant_array(value)
        if array is not None:
            replaced[value] = add_constant(graph, str(value.name), array)
        else:
            name = free_name(graph, str(value.name))
            replaced[value] = ir.Value(name=name, type=value.type, shape=value.shape)
            graph.inputs.append(replaced[value])
    _read_instead(graph, replaced)
    computed = tuple(value for value in captured if constant_array(value) is None)
    return Closed(ir.Model(graph, ir_version=around.ir_version), computed)


def _bind_formal(graph: ir.Graph, formal: Sequence[ir.Value]) -> None:
    entering = list(graph.inputs)
    graph.inputs.clear()
    for port, value in zip(entering, formal, strict=True):
        array = constant_array(value)
        if array is None:
            port.type, port.shape = value.type, value.shape
            graph.inputs.append(port)
        else:
            constant = add_constant(graph, str(port.name), array)
            port.replace_all_uses_with(constant, replace_graph_outputs=True)


def _read_instead(graph: ir.Graph, replaced: dict[ir.Value, ir.Value]) -> None:
    for node in RecursiveGraphIterator(graph):
        for at, given in enumerate(node.inputs):
            if given in replaced:
                node.replace_input_with(at, replaced[given])
    for at, output in enumerate(graph.outputs):
        if output in replaced:
            graph.outputs[at] = replaced[output]


def is_fixed(value: ir.Value) -> bool:
    """Whether a value is a tensor whose type and sizes are known."""
    return isinstance(value.type, ir.TensorType) and static_shape(value) is not None


def _own_values(body: ir.Graph) -> Iterator[ir.Value]:
    yield from body.inputs
    yield from body.initializers.values()
    for node in RecursiveGraphIterator(body):
        yield from node.outputs
        for inner in bodies(node):
            yield from inner.inputs
            yield from inner.initializers.values()
