"""Writes TFLite files from ONNX graphs, with no framework but the schema of ai-edge-litert."""

from edgeml_converters.tflite.blockers import Blocker
from edgeml_converters.tflite.storage import Storage
from edgeml_converters.tflite.writer import (
    TfliteFile,
    check_convertible,
    convert_tflite,
    supported_ops,
    write_tflite,
)

__all__ = [
    "Blocker",
    "Storage",
    "TfliteFile",
    "check_convertible",
    "convert_tflite",
    "supported_ops",
    "write_tflite",
]
