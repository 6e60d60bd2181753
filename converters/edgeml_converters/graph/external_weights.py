"""An ONNX model in two files, for what is too large for one: the graph, and its weights beside it.

ONNX, docs/ExternalData.md. Knows where each tensor goes; must not write files.
"""

import onnx_ir as ir

from edgeml_converters.graph.model import copy_model
from edgeml_converters.graph.serialization import Bytes, tensor_bytes

SMALLEST_BYTES = 1024
"""Tensors below this stay in the graph: shapes and scalars, which shape inference reads."""
ALIGNMENT_BYTES = 4096
"""Where tensors may start, so that they can be mapped into memory (a page)."""


def weights_bytes(model: ir.Model) -> int:
    """Return how many bytes the weights of the main graph take."""
    tensors = (value.const_value for value in model.graph.initializers.values())
    return sum(tensor.nbytes for tensor in tensors if tensor is not None)


def split_weights(model: ir.Model, location: str) -> tuple[list[Bytes], list[Bytes]]:
    """Return the parts of the model as two files; the same graph always gives the same bytes.

    Args:
        model: It is not changed.
        location: The name that the second file will have, beside the first.

    Returns:
        The file of the graph, which refers to *location*, and the file of the weights.
    """
    split = copy_model(model)
    weights: list[Bytes] = []
    position = 0
    for value in split.graph.initializers.values():
        tensor = value.const_value
        if tensor is None or tensor.nbytes < SMALLEST_BYTES or tensor.dtype == ir.DataType.STRING:
            continue
        weights.append(bytes(-position % ALIGNMENT_BYTES))
        position += len(weights[-1])
        value.const_value = ir.ExternalTensor(
            location=location,
            offset=position,
            length=tensor.nbytes,
            dtype=tensor.dtype,
            shape=ir.Shape(tensor.shape.numpy()),
            name=value.name or "",
        )
        weights.append(tensor_bytes(tensor))
        position += len(weights[-1])
    return [ir.to_proto(split).SerializeToString(deterministic=True)], weights
