"""Brings a model into the form that the other passes expect."""

import onnx_ir as ir
from onnx_ir.passes.common import (
    InlinePass,
    RemoveInitializersFromInputsPass,
    RemoveUnusedOpsetsPass,
)

from edgeml_converters.graph.axis_layout import border_layouts


def prepare_graph(model: ir.Model) -> None:
    """Inline model-local functions and take the weights out of the list of inputs.

    Which inputs and outputs are images is noted before, for all that is made of the model.
    Files before IR version 4 must list every weight as an input as well; a weight that could be
    replaced at run time is a constant to us.
    """
    border_layouts(model.graph)
    if model.functions:
        InlinePass()(model)
        RemoveUnusedOpsetsPass()(model)
    initializers = set(model.graph.initializers.values())
    if any(value in initializers for value in model.graph.inputs):
        RemoveInitializersFromInputsPass()(model)
        model.ir_version = max(model.ir_version, 4)
