"""Folds a constant factor or offset per channel into the convolution or Gemm before it.

Exporters write batch normalization and learned scales as plain Mul and Add.
"""

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.attributes import constant_input, input_value
from edgeml_converters.graph.passes.weighted import output_channel_axis, scale_weights
from edgeml_converters.graph.surgery import absorb, sole_reader


def fuse_channel_affine(model: ir.Model) -> bool:
    """Fold Mul, Div, Add and Sub by a constant per channel into the weights before them."""
    changed = False
    for node in list(model.graph):
        if node.domain or node.op_type not in {"Mul", "Div", "Add", "Sub"}:
            continue
        changed |= _fuse(node)
    return changed


def _fuse(node: ir.Node) -> bool:
    for data, constant in ((0, 1), (1, 0)):
        source = input_value(node, data)
        array = constant_input(node, constant)
        producer = None if source is None else source.producer()
        if source is None or array is None or producer is None or sole_reader(source) is not node:
            continue
        if output_channel_axis(producer) is None or array.dtype != np.float32:
            continue
        if data == 1 and node.op_type in {"Div", "Sub"}:
            continue
        shape = _sizes(source)
        affine = None if shape is None else _affine(node.op_type, array, shape)
        if affine is None:
            continue
        if scale_weights(producer, *affine, name=str(node.outputs[0].name)):
            absorb(node, producer)
            return True
    return False


def _sizes(value: ir.Value) -> tuple[int, ...] | None:
    """Return the shape with 0 for sizes that are free; ``None`` when the rank is not known."""
    if value.shape is None:
        return None
    return tuple(size if isinstance(size, int) else 0 for size in value.shape)


def _affine(
    op_type: str, array: np.ndarray, shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return factor and offset per channel of axis 1; ``None`` if the constant varies elsewhere."""
    channels = shape[1] if len(shape) > 1 else 0
    if array.ndim > len(shape) or channels < 1:
        return None
    aligned = (1,) * (len(shape) - array.ndim) + array.shape
    if any(size != 1 for axis, size in enumerate(aligned) if axis != 1):
        return None
    if aligned[1] not in {1, channels}:
        return None  # one channel that the constant spreads over several
    values = np.broadcast_to(array.reshape(-1).astype(np.float64), (channels,))
    ones, zeros = np.ones(channels), np.zeros(channels)
    if op_type == "Mul":
        return values, zeros
    if op_type == "Div":
        return (1.0 / values, zeros) if np.all(values != 0.0) else None
    return ones, values if op_type == "Add" else -values
