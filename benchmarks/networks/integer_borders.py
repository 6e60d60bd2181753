"""Gives a quantized graph integer inputs and outputs, as published int8 files have them.

Our quantizer keeps the float types of the model that it was given; then a file spends two more
operators on converting them, which the published ones do not have.
"""

import onnx_ir as ir


def with_integer_borders(model: ir.Model) -> ir.Model:
    """Take the outermost QuantizeLinear and DequantizeLinear off a QDQ graph, in place.

    Args:
        model: Every input is read by a QuantizeLinear alone, every output written by a
            DequantizeLinear that nothing else reads.

    Returns:
        The same model, whose inputs and outputs are the integers, under the same names.
    """
    graph = model.graph
    for index, value in enumerate(tuple(graph.inputs)):
        graph.inputs[index] = _quantized_input(graph, value)
    for index, value in enumerate(tuple(graph.outputs)):
        graph.outputs[index] = _quantized_output(graph, value)
    return model


def _quantized_input(graph: ir.Graph, value: ir.Value) -> ir.Value:
    (use,) = value.uses()
    node = use.node
    assert node.op_type == "QuantizeLinear"
    integers = ir.Value(name=value.name, shape=value.shape, type=ir.TensorType(ir.DataType.INT8))
    node.outputs[0].replace_all_uses_with(integers)
    graph.remove(node, safe=True)
    return integers


def _quantized_output(graph: ir.Graph, value: ir.Value) -> ir.Value:
    node = value.producer()
    assert node is not None
    assert node.op_type == "DequantizeLinear"
    integers = node.inputs[0]
    assert integers is not None
    node.replace_input_with(0, None)
    index = list(graph.outputs).index(value)
    graph.outputs[index] = integers
    graph.remove(node, safe=True)
    integers.name = value.name
    return integers
