"""The ONNX graph in memory and the passes that simplify it."""

from edgeml_converters.graph.external_weights import split_weights, weights_bytes
from edgeml_converters.graph.model import copy_model, serialize_onnx
from edgeml_converters.graph.optimizer import optimize

__all__ = ["copy_model", "optimize", "serialize_onnx", "split_weights", "weights_bytes"]
