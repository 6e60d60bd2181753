"""Keeps float layers between int8 ones float in onnxruntime.

Its optimizer takes ``DequantizeLinear, Conv, QuantizeLinear`` for a layer whose weights someone
forgot to quantize, and rounds them with one scale for all channels (WeightBiasQuantization, seen in
1.32; also behind a Relu or Clip, and for ConvTranspose and Gemm). A Max of one input before the
QuantizeLinear, which copies, is no part of that pattern.
"""

import onnx_ir as ir

from edgeml_converters.graph import copy_model
from edgeml_converters.graph.attributes import input_value
from edgeml_converters.graph.node_builder import NodeBuilder

_LAYERS = {"Conv", "ConvTranspose", "Gemm", "MatMul"}
_CLAMPS = {"Clip", "Relu"}


def guard_float_layers(model: ir.Model) -> ir.Model:
    """Return *model*, a QDQ graph, such that onnxruntime computes as it stands.

    The same object is returned where there is nothing to guard.
    """
    if not any(_is_exposed(node) for node in model.graph):
        return model
    result = copy_model(model)
    for node in list(result.graph):
        if _is_exposed(node):
            source = node.inputs[0]
            assert source is not None
            copied = NodeBuilder(result.graph, node).op("Max", source)
            copied.shape, copied.dtype = source.shape, ir.DataType.FLOAT
            node.replace_input_with(0, copied)
    return result


def _is_exposed(node: ir.Node) -> bool:
    """Return whether *node* rounds what a float layer makes of rounded values."""
    if node.op_type != "QuantizeLinear":
        return False
    maker = _maker(node)
    if maker is not None and maker.op_type in _CLAMPS:
        maker = _maker(maker)
    if maker is None or maker.op_type not in _LAYERS:
        return False
    return _is_dequantized(maker, 0) and not _is_dequantized(maker, 1)


def _is_dequantized(node: ir.Node, position: int) -> bool:
    value = input_value(node, position)
    maker = None if value is None else value.producer()
    return maker is not None and maker.op_type == "DequantizeLinear"


def _maker(node: ir.Node) -> ir.Node | None:
    value = input_value(node, 0)
    return None if value is None else value.producer()
