"""Constants as a quantizer asks for them: is it one, and is it float32."""

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgeml_converters.graph.attributes import input_value
from edgeml_converters.graph.constants import constant_array


def is_constant(value: ir.Value) -> bool:
    """Return whether the graph itself holds the numbers of *value*."""
    return value.const_value is not None and not value.is_graph_input()


def constant_floats(value: ir.Value | None) -> npt.NDArray[np.float32] | None:
    """Return the numbers of *value* when they are constant float32, else None."""
    array = None if value is None else constant_array(value)
    return array if array is not None and array.dtype == np.float32 else None


def optional_input(node: ir.Node, position: int | None) -> ir.Value | None:
    """Return the input of *node* at *position*, or None when it has none there."""
    return None if position is None else input_value(node, position)
