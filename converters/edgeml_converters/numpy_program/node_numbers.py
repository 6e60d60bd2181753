"""Attributes of the operators of machine learning, which may be lists or tensors."""

import numpy as np
import onnx_ir as ir


def numbers(node: ir.Node, name: str) -> np.ndarray:
    """Return an attribute of numbers, in the form of a list or of a tensor; empty if not given."""
    tensor = node.attributes.get(f"{name}_as_tensor")
    if tensor is not None:
        return np.asarray(tensor.as_tensor().numpy())
    given = node.attributes.get(name)
    if given is None:
        return np.empty(0, np.float32)
    if given.type == ir.AttributeType.FLOATS:
        return np.array(given.as_floats(), np.float32)
    return np.array(given.as_ints(), np.int64)


def texts(node: ir.Node, name: str) -> tuple[str, ...]:
    """Return an attribute of texts; empty if not given."""
    given = node.attributes.get(name)
    return () if given is None else tuple(given.as_strings())
