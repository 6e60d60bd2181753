"""Writes LayerNormalization as the operators that it is made of, the mean taken off first.

The function of the standard has the variance as E[x^2] - E[x]^2, which cancels in float32 where the
mean is large beside the spread, and brings everything to two axes and back.
"""

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.attributes import float_attribute, input_value, int_attribute
from edgeml_converters.graph.constants import static_shape
from edgeml_converters.graph.node_builder import NodeBuilder
from edgeml_converters.graph.passes.expand_reductions import reduce_axes


def expand_layer_norm(build: NodeBuilder, node: ir.Node) -> ir.Value | None:
    """Return the result of a LayerNormalization of float32; None where a size is not known."""
    source, scale = input_value(node, 0), input_value(node, 1)
    shape = None if source is None else static_shape(source)
    if source is None or scale is None or shape is None or source.dtype != ir.DataType.FLOAT:
        return None
    axes = list(range(int_attribute(node, "axis", -1) % len(shape), len(shape)))
    centred = build.op("Sub", source, reduce_axes(build, "ReduceMean", source, axes, node))
    variance = reduce_axes(build, "ReduceMean", build.op("Mul", centred, centred), axes, node)
    epsilon = build.constant(np.array(float_attribute(node, "epsilon", 1e-5)))
    spread = build.op("Sqrt", build.op("Add", variance, epsilon))
    scaled = build.op("Mul", build.op("Div", centred, spread), scale)
    offset = input_value(node, 2)
    return scaled if offset is None else build.op("Add", scaled, offset)
