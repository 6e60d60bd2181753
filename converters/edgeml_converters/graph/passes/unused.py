"""Removes what no output depends on."""

import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass


def remove_unused(model: ir.Model) -> bool:
    """Remove nodes and constants that nothing reads; inputs of the graph stay."""
    return RemoveUnusedNodesPass()(model).modified
