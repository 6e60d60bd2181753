"""Reads TFLite files into ONNX graphs, with no framework but LiteRT and its schema."""

from edgeml_converters.tflite_import.importer import import_tflite, importable_operators
from edgeml_converters.tflite_import.precision import is_stateful, stored_precision

__all__ = ["import_tflite", "importable_operators", "is_stateful", "stored_precision"]
