"""An ONNX graph as a network: sizes at batch 1, and what each operator reads and writes."""

from collections.abc import Iterator

import onnx_ir as ir
from onnx_ir.passes.common import ShapeInferencePass
from onnx_ir.traversal import RecursiveGraphIterator

from edgeml_converters.inspection.network import Network, Operator, Tensor

_UNSIZED = (None, ir.DataType.STRING, ir.DataType.UNDEFINED)


def set_batch_to_one(model: ir.Model, inputs: tuple[ir.Value, ...]) -> None:
    """Give free first axes the size 1, and everything that follows from them."""
    symbols = set()
    for value in inputs:
        if value.shape and not isinstance(value.shape[0], int):
            if value.shape[0].value:
                symbols.add(value.shape[0].value)
            value.shape = ir.Shape([1, *value.shape[1:]])
    for value in _values(model.graph):
        if value.shape is not None and not value.is_initializer():
            value.shape = ir.Shape(
                size if isinstance(size, int) or size.value not in symbols else 1
                for size in value.shape
            )
    ShapeInferencePass(check_type=False, strict_mode=False, data_prop=True)(model)


def _values(graph: ir.Graph) -> Iterator[ir.Value]:
    yield from graph.inputs
    for node in graph:
        yield from node.outputs


def network_of(graph: ir.Graph, inputs: tuple[ir.Value, ...]) -> Network:
    """Return the main graph as operators over tensors; *inputs* are what a caller feeds."""
    constants = {
        output.name for node in graph if node.op_type == "Constant" for output in node.outputs
    }

    def tensor(value: ir.Value) -> Tensor:
        sizes = None if value.shape is None else tuple(value.shape)
        known = sizes is not None and all(isinstance(size, int) for size in sizes)
        return Tensor(
            key=value.name or "",
            shape=tuple(int(str(size)) for size in sizes) if known and sizes is not None else None,
            item_bits=0 if value.dtype in _UNSIZED else value.dtype.bitwidth,
            constant=value.is_initializer() or value.name in constants,
        )

    def operator(node: ir.Node) -> Operator:
        return Operator(
            type=node.op_type,
            inputs=tuple(None if value is None else tensor(value) for value in node.inputs),
            outputs=tuple(tensor(value) for value in node.outputs if value.name),
            name=node.name or next((v.name for v in node.outputs if v.name), ""),
            captured=tuple(tensor(value) for value in _captured(node)),
        )

    return Network(
        inputs=tuple(tensor(value) for value in inputs),
        outputs=tuple(tensor(value) for value in graph.outputs),
        operators=tuple(operator(node) for node in graph if node.op_type != "Constant"),
    )


def inner_graphs(node: ir.Node) -> Iterator[ir.Graph]:
    """Yield the branches and loop bodies of *node*."""
    for attribute in node.attributes.values():
        if attribute.type == ir.AttributeType.GRAPH:
            yield attribute.as_graph()
        elif attribute.type == ir.AttributeType.GRAPHS:
            yield from attribute.as_graphs()


def _captured(node: ir.Node) -> Iterator[ir.Value]:
    """Yield what the graphs inside *node* read from the graph around it."""
    for graph in inner_graphs(node):
        for inner in RecursiveGraphIterator(graph):
            yield from (
                value for value in inner.inputs if value is not None and value.graph is node.graph
            )
