"""Runs the passes of `passes/` over a copy of a model until nothing changes any more."""

import onnx_ir as ir

from edgeml_converters.graph.model import copy_model
from edgeml_converters.graph.passes import FUSIONS, fold_constants, infer_shapes, prepare_graph

# Folding a shape can let a further shape be inferred; deeper chains than this are not met.
_MAX_ROUNDS = 12

# A constant that is computed from little (an Expand, a ConstantOfShape) is left to the engine when
# it is larger than this, so that optimizing a model does not blow up its file.
_LARGEST_GROWN_CONSTANT_BYTES = 1 << 20


def optimize(model: ir.Model) -> ir.Model:
    """Return a simpler copy of a model that gives the same results.

    Constants are folded, shapes inferred, unused nodes, Identity and Dropout removed, and batch
    normalization, channel-wise scale and offset and zero padding fused into the operator beside
    them. Inputs and outputs keep their names and types.

    Args:
        model: Any valid model; it is not changed. Batch and other axes may be free.
    """
    return simplify(copy_model(model), _LARGEST_GROWN_CONSTANT_BYTES)


def simplify(
    model: ir.Model, largest_constant_bytes: int | None, *, constant_outputs: bool = False
) -> ir.Model:
    """Simplify a model in place and return it.

    Args:
        model: The model to change.
        largest_constant_bytes: Constants larger than this (and larger than what they are computed
            from) stay computed; ``None`` folds all.
        constant_outputs: Whether outputs of the graph may become constants too.
    """
    prepare_graph(model)
    for _ in range(_MAX_ROUNDS):
        infer_shapes(model)
        changed = fold_constants(model, largest_constant_bytes, outputs=constant_outputs)
        for fusion in FUSIONS:
            changed |= fusion(model)
        if not changed:
            break
    return model
