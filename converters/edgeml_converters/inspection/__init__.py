"""What a model file holds and needs, told without running it.

One module a format (``onnx_file``, ``tflite_file``, ``bundle_file``), which all describe the file
as a ``network`` that the counting modules (``macs``, ``memory``) understand. Knows files; must not
know engines, convert or run anything.
"""

from edgeml_converters.inspection.document import (
    EngineNeed,
    Finding,
    FreeAxis,
    Inspection,
    VariantInspection,
)
from edgeml_converters.inspection.formats import (
    READERS,
    inspect_model,
    list_operators,
    minimum_engines,
)
from edgeml_converters.inspection.macs import ModelOperator
from edgeml_converters.inspection.oldest_engines import onnxruntime_limits
from edgeml_converters.inspection.tflite_file import tflite_obstacles

__all__ = [
    "READERS",
    "EngineNeed",
    "Finding",
    "FreeAxis",
    "Inspection",
    "ModelOperator",
    "VariantInspection",
    "inspect_model",
    "list_operators",
    "minimum_engines",
    "onnxruntime_limits",
    "tflite_obstacles",
]
