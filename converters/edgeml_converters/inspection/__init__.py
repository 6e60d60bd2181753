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
from edgeml_converters.inspection.formats import READERS, inspect_model, list_operators
from edgeml_converters.inspection.macs import ModelOperator

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
]
