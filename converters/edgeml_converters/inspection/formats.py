"""The table of model formats that can be inspected, and the function that inspects one."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from edgeml_converters.inspection.document import Inspection
from edgeml_runtime.errors import InputError

_PACKAGE = "edgeml_converters.inspection"
READERS: Mapping[str, str] = {
    ".onnx": f"{_PACKAGE}.onnx_file:inspect_onnx",
    ".tflite": f"{_PACKAGE}.tflite_file:inspect_tflite",
    ".edgeml": f"{_PACKAGE}.bundle_file:inspect_bundle",
}
"""Suffix to ``module:function``; the modules are imported when they are asked for."""


def inspect_model(path: Path) -> Inspection:
    """Return what the model file at *path* holds and needs.

    Raises:
        InputError: The file is missing, a folder, damaged, or of no format that is known.
    """
    if not path.exists():
        raise InputError(f"There is no file '{path}'.", "Check the path.")
    if not path.is_file():
        raise InputError(f"'{path}' is a folder.", "Give the path of a model file.")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        kind = f"the suffix '{path.suffix}'" if path.suffix else "no suffix"
        raise InputError(
            f"'{path}' has {kind}, which names no model format that can be inspected.",
            f"Give a file with one of the suffixes {', '.join(READERS)}.",
        )
    module, _, function = reader.partition(":")
    inspection: Inspection = getattr(import_module(module), function)(path)
    return inspection
