"""Weights of 16 bits: half the bytes, and the arithmetic of float32.

Engines widen the weights when they load the file, so that an inference takes as long as before.
"""

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph import copy_model
from edgeml_converters.graph.constants import constant_array, free_name
from edgeml_converters.quantize.summary import ExcludedNode, QuantizationSummary, store_summary

SCHEME = "float16"
LARGEST = float(np.finfo(np.float16).max)
SMALLEST_ELEMENTS = 16
"""Constants of fewer elements stay as they are: the node that widens them takes as many bytes."""


def halve_weights(model: ir.Model) -> ir.Model:
    """Return *model* with its float32 constants in float16, each widened by a Cast.

    A constant stays float32 where float16 cannot hold a number of it: beyond 65504, infinite or
    NaN. :func:`~edgeml_converters.quantize.quantization_summary` lists these.

    Args:
        model: An optimized float graph; it is not changed.
    """
    result = copy_model(model)
    halved, kept = [], []
    for value in tuple(result.graph.initializers.values()):
        array = constant_array(value)
        if array is None or array.dtype != np.float32 or array.size < SMALLEST_ELEMENTS:
            continue
        name = str(value.name)
        if not fits_half(array):
            kept.append(ExcludedNode(name, f"it holds a number beyond {LARGEST:g}"))
            continue
        if _halve(result.graph, value, array):
            halved.append(name)
    store_summary(result, QuantizationSummary(SCHEME, 0, tuple(halved), tuple(kept)))
    return result


def fits_half(array: np.ndarray) -> bool:
    """Return whether float16 holds every number of *array*, if only rounded."""
    return bool(np.all(np.abs(array) <= LARGEST))


def _halve(graph: ir.Graph, value: ir.Value, array: np.ndarray) -> bool:
    uses = tuple(value.uses())
    if not uses or value.is_graph_output():
        return False
    half = ir.tensor(array.astype(np.float16), name=free_name(graph, f"{value.name}/half"))
    stored = ir.Value(
        name=half.name,
        shape=ir.Shape(array.shape),
        type=ir.TensorType(half.dtype),
        const_value=half,
    )
    graph.register_initializer(stored)
    cast = ir.node("Cast", [stored], {"to": ir.DataType.FLOAT}, name=f"{value.name}/widened")
    widened = cast.outputs[0]
    widened.name = free_name(graph, cast.name or "")
    widened.dtype, widened.shape = ir.DataType.FLOAT, ir.Shape(array.shape)
    graph.insert_before(graph[0], cast)
    for node, index in uses:
        node.replace_input_with(index, widened)
    del graph.initializers[str(value.name)]
    return True
