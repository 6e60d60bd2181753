"""Two models tensor by tensor: which belong together, how far apart they are, where that begins.

Knows ONNX and TFLite graphs and how to read their intermediate values; must not know how a file was
made, and nothing of commands.
"""

from edgeml_converters.layers.comparison import compare_layers
from edgeml_converters.layers.network import LayeredModel
from edgeml_converters.layers.onnx_layers import OnnxLayers
from edgeml_converters.layers.report import Layer, LayerComparison
from edgeml_converters.layers.tflite_layers import TfliteLayers

__all__ = [
    "Layer",
    "LayerComparison",
    "LayeredModel",
    "OnnxLayers",
    "TfliteLayers",
    "compare_layers",
]
