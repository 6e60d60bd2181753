"""Brings a graph into operators of the table, bodies of control flow included."""

import onnx_ir as ir

from edgeml_converters.graph.optimizer import simplify
from edgeml_converters.graph.passes import REWRITES, expand_functions
from edgeml_converters.tflite.closing import close_bodies
from edgeml_converters.tflite.registry import is_supported


def prepare(model: ir.Model) -> ir.Model:
    """Simplify a model in place, and expand what the table of operators does not have."""
    simplify(model, largest_constant_bytes=None, constant_outputs=True)
    while _rewritten(model):
        simplify(model, largest_constant_bytes=None, constant_outputs=True)
    return model


def _rewritten(model: ir.Model) -> bool:
    changed = False
    for rewrite in REWRITES:
        changed |= rewrite(model)
    changed |= expand_functions(model, is_supported)
    return close_bodies(model, prepare) or changed
