"""The ONNX graph in memory and the passes that simplify it."""

from edgeml_converters.graph.external_weights import split_weights, weights_bytes
from edgeml_converters.graph.model import copy_model
from edgeml_converters.graph.optimizer import optimize
from edgeml_converters.graph.serialization import Bytes, onnx_parts, serialize_onnx

__all__ = [
    "Bytes",
    "copy_model",
    "onnx_parts",
    "optimize",
    "serialize_onnx",
    "split_weights",
    "weights_bytes",
]
