"""The table of model formats that can be inspected, and the functions that do it."""

from collections.abc import Callable, Mapping
from importlib import import_module
from mmap import mmap
from pathlib import Path
from typing import Any

from edgeml_converters.inspection.document import EngineNeed, Inspection
from edgeml_converters.inspection.macs import ModelOperator
from edgeml_converters.isolation import reading
from edgeml_runtime.errors import InputError

_PACKAGE = "edgeml_converters.inspection"
READERS: Mapping[str, str] = {
    ".onnx": f"{_PACKAGE}.onnx_file:inspect_onnx",
    ".tflite": f"{_PACKAGE}.tflite_file:inspect_tflite",
    ".numpy": f"{_PACKAGE}.numpy_file:inspect_numpy",
    ".edgeml": f"{_PACKAGE}.bundle_file:inspect_bundle",
}
"""Suffix to ``module:function``; the modules are imported when they are asked for."""
_LISTERS: Mapping[str, str] = {
    ".onnx": f"{_PACKAGE}.onnx_file:list_onnx_operators",
    ".tflite": f"{_PACKAGE}.tflite_file:list_tflite_operators",
    ".numpy": f"{_PACKAGE}.numpy_file:list_numpy_operators",
}

_NEEDS: Mapping[str, str] = {
    "onnx": f"{_PACKAGE}.onnx_file:onnx_needs",
    "tflite": f"{_PACKAGE}.tflite_file:tflite_needs",
    "numpy": f"{_PACKAGE}.numpy_file:numpy_needs",
}


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
    with reading(path):
        inspection: Inspection = _function(reader)(path)
    return inspection


def minimum_engines(data: bytes | mmap, format_name: str) -> dict[str, str]:
    """Return the oldest version of each engine that reads a model, empty where any does.

    Args:
        data: The file, which may be mapped.
        format_name: ``onnx``, ``tflite`` or ``numpy``.
    """
    needs: tuple[EngineNeed, ...] = _function(_NEEDS[format_name])(data)
    return {need.engine: need.version or "" for need in needs}


def list_operators(path: Path) -> tuple[ModelOperator, ...]:
    """Return the operators of the model file at *path*, in its order, with their MACs.

    Args:
        path: An .onnx, .tflite or .numpy file that `inspect_model` can read.
    """
    operators: tuple[ModelOperator, ...] = _function(_LISTERS[path.suffix.lower()])(path)
    return operators


def _function(place: str) -> Callable[..., Any]:
    module, _, name = place.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function
