"""Tables that Gather looks rows up in, as int8: only the rows that were found become float."""

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph import copy_model
from edgeml_converters.graph.attributes import int_attribute
from edgeml_converters.graph.node_builder import NodeBuilder
from edgeml_converters.quantize.affine import symmetric_weights
from edgeml_converters.quantize.constants import constant_floats
from edgeml_converters.quantize.eligibility import node_label
from edgeml_converters.quantize.weight_size import is_worth_quantizing


def quantize_lookups(model: ir.Model) -> tuple[ir.Model, tuple[str, ...]]:
    """Return *model* with int8 tables of embeddings, one scale a row, and the nodes that read them.

    Both the row and its scale are looked up, and multiplied. A table that is dequantized as a whole
    would be written out anew by every inference.

    Args:
        model: An optimized float graph; it is not changed.
    """
    result = copy_model(model)
    changed = []
    for node in tuple(result.graph):
        table = constant_floats(node.inputs[0]) if node.op_type == "Gather" else None
        if table is None or not is_worth_quantizing(table) or int_attribute(node, "axis", 0) != 0:
            continue
        _rewrite(result.graph, node, table)
        changed.append(node_label(node))
    return result, tuple(changed)


def _rewrite(graph: ir.Graph, node: ir.Node, table: np.ndarray) -> None:
    rows = node.inputs[1]
    assert rows is not None
    quantized = symmetric_weights(table, axis=0)
    scales = quantized.scales.reshape(-1, *(1,) * (table.ndim - 1))
    build = NodeBuilder(graph, node)
    found = build.op("Gather", build.constant(quantized.values), rows, axis=0)
    scale = build.op("Gather", build.constant(scales), rows, axis=0)
    wide = build.op("Cast", found, to=int(ir.DataType.FLOAT))
    build.replace(node, [build.op("Mul", wide, scale)])
