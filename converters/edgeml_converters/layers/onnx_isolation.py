"""A copy of an ONNX graph in which every layer is fed on its own, not by the layers before it."""

from collections.abc import Sequence

import onnx_ir as ir

from edgeml_converters.layers.network import LayerTensor

_ROUNDING = ("QuantizeLinear", "DequantizeLinear")


def cut(model: ir.Model, tensors: Sequence[LayerTensor]) -> list[str]:
    """Give what reads each of *tensors* a new input in its place, and return the inputs' names.

    The tensors themselves are still computed, of what was cut before them.

    Args:
        model: The graph, which is changed.
        tensors: What is fed from now on, each by its real values as the integers hold them.
    """
    values = ir.convenience.create_value_mapping(model.graph)
    names = []
    for place, tensor in enumerate(tensors):
        shown = values[str(tensor.handle)]
        given = ir.Value(name=f"edgeml.cut.{place}", shape=shown.shape, type=shown.type)
        for name in tensor.names:
            if name in values:
                _feed(values[name], given)
        model.graph.inputs.append(given)
        names.append(f"edgeml.cut.{place}")
    return names


def _feed(value: ir.Value, given: ir.Value) -> None:
    """Put *given* in the place of a value, but where the value is only rounded."""
    if value.dtype != given.dtype:
        return
    for use in tuple(value.uses()):
        if use.node.op_type not in _ROUNDING or use.node.domain:
            use.node.replace_input_with(use.idx, given)
