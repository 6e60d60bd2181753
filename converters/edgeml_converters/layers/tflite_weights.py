"""The integer weights of a TFLite file's products."""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgeml_converters.inspection.tflite_document import StoredGraph, StoredOperator
from edgeml_converters.layers.weights import Weights, weights_of

_TYPES = {"INT8": np.int8, "UINT8": np.uint8}


def tflite_weights(data: bytes, graph: StoredGraph, operator: StoredOperator) -> Weights | None:
    """Return the weights of an operator of the main graph; None where they are no integers."""
    if operator.name not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
        return None
    number = operator.inputs[1]
    stored = graph.tensors[number]
    if stored.type not in _TYPES or not stored.data_bytes or not stored.quantized:
        return None
    model = schema.Model.GetRootAs(data, 0)
    tensor: Any = model.Subgraphs(0).Tensors(number)
    buffer = model.Buffers(tensor.Buffer())
    if buffer.DataIsNone():
        return None  # the values follow the tables, as in files above 2 GiB
    values = np.frombuffer(bytes(buffer.DataAsNumpy()), _TYPES[stored.type]).reshape(stored.shape)
    quantization = tensor.Quantization()
    scales = np.asarray(quantization.ScaleAsNumpy())
    zero = int(quantization.ZeroPoint(0)) if quantization.ZeroPointLength() else 0
    steps = values.astype(np.int32) - zero
    if operator.name == "FULLY_CONNECTED":
        return weights_of(steps[:, :, None], scales, 1)
    if operator.name == "CONV_2D":  # (O, h, w, I / groups)
        channels = graph.tensors[operator.inputs[0]].shape[-1]
        groups = max(1, channels // max(1, steps.shape[-1]))
        arranged = np.moveaxis(steps, -1, 1).reshape(steps.shape[0], steps.shape[-1], -1)
        return weights_of(arranged, scales, groups)
    # Depthwise: (1, h, w, O), each output of one channel of the input.
    channels = graph.tensors[operator.inputs[0]].shape[-1]
    arranged = np.moveaxis(steps, -1, 0).reshape(steps.shape[-1], 1, -1)
    return weights_of(arranged, scales, channels)
