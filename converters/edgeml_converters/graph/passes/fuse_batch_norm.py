"""Folds BatchNormalization into the weights of the operator before it.

``y = scale * (x - mean) / sqrt(var + epsilon) + offset`` is one factor and one offset a channel,
as https://onnx.ai/onnx/operators/onnx__BatchNormalization.html defines it for inference.
"""

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.attributes import constant_input, float_attribute, int_attribute
from edgeml_converters.graph.passes.weighted import scale_weights, weighted_producer
from edgeml_converters.graph.surgery import absorb


def fuse_batch_norm(model: ir.Model) -> bool:
    """Fold each BatchNormalization whose producer is a convolution or Gemm read by it alone."""
    changed = False
    for node in list(model.graph):
        if node.op_type != "BatchNormalization" or node.domain:
            continue
        affine = batch_norm_affine(node)
        producer = weighted_producer(node)
        if affine is None or producer is None:
            continue
        if scale_weights(producer, *affine, name=str(node.outputs[0].name)):
            absorb(node, producer)
            changed = True
    return changed


def batch_norm_affine(node: ir.Node) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the factor and the offset per channel, float64; ``None`` if not constant.

    A node in training mode has none; nor one of opset 7 or 8 with parameters per element.
    """
    if int_attribute(node, "training_mode", 0) or int_attribute(node, "spatial", 1) == 0:
        return None
    if any(output.uses() or output.is_graph_output() for output in node.outputs[1:]):
        return None
    parameters = [constant_input(node, index) for index in range(1, 5)]
    if any(parameter is None for parameter in parameters):
        return None
    scale, offset, mean, variance = (np.asarray(p, np.float64) for p in parameters)
    factor = scale / np.sqrt(variance + float_attribute(node, "epsilon", 1e-5))
    return factor, offset - mean * factor
