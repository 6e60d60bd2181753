"""Where a model comes from: one module for each kind of source, found by the file's suffix.

To add a kind, write a module with ``load(path, input_shapes) -> SourceModel`` and add its line to
``LOADERS``; a kind that needs a framework is a worker script and a table in
``foreign/frameworks.toml``. The modules are imported when they are asked for, so that one kind's
libraries are not loaded for another.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from edgeml_converters.sources.foreign.framework import (
    find_framework,
    is_callable_spec,
    load_frameworks,
)
from edgeml_converters.sources.settings import Consent, SourceSettings
from edgeml_converters.sources.source_model import SourceModel
from edgeml_runtime.errors import InputError, UnsupportedError

__all__ = ["LOADERS", "Consent", "SourceModel", "SourceSettings", "load_source", "source_kinds"]

LOADERS: Mapping[str, str] = {
    ".onnx": "edgeml_converters.sources.onnx_file:load",
    ".tflite": "edgeml_converters.sources.tflite_file:load",
}
"""Suffix -> ``module:function``."""

_NO_SETTINGS = SourceSettings()


def load_source(
    spec: str,
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
    settings: SourceSettings = _NO_SETTINGS,
) -> SourceModel:
    """Return the model that *spec* names.

    Args:
        spec: The path of a model file or folder, or ``module:factory``.
        input_shapes: Sizes by input name, for inputs that leave sizes free. A free first axis
            may stay free; every other free axis must be given.
        settings: What the user allows, and tells beside the shapes.

    Raises:
        UnsupportedError: No loader knows the suffix, or the model has no form in the graph.
        InputError: The file is missing, damaged or no model, or *input_shapes* does not fit it.
        GateError: A framework's own export is not the model.
        MissingToolError: The framework of the model is not there.
    """
    source = _load(spec, dict(input_shapes or {}), settings)
    for tensor in source.inputs:
        wanted = settings.input_dtypes.get(tensor.name, tensor.dtype)
        if wanted != tensor.dtype:
            raise InputError(
                f"'--input-shape' gives input '{tensor.name}' the type {wanted}, "
                f"but it is {tensor.dtype}.",
                "Leave the type out.",
            )
    return source


def source_kinds() -> str:
    """Return in words what can be read, for help and errors."""
    frameworks = load_frameworks().values()
    suffixes = [*LOADERS, *(s for f in frameworks for s in (*f.suffixes, *f.pickle_suffixes))]
    callables = " or ".join(f.title for f in frameworks if f.callables)
    return f"a file with one of the suffixes {', '.join(suffixes)}, or module:factory ({callables})"


def _load(
    spec: str, input_shapes: Mapping[str, tuple[int, ...]], settings: SourceSettings
) -> SourceModel:
    path = Path(spec)
    framework = find_framework(spec)
    if not path.exists() and not (framework is not None and is_callable_spec(spec)):
        raise InputError(f"There is no file '{spec}'.", "Check the path.")
    if framework is not None:
        foreign = import_module("edgeml_converters.sources.foreign.source")
        model: SourceModel = foreign.load_foreign(framework, spec, input_shapes, settings)
        return model
    if not path.is_file():
        raise InputError(f"'{spec}' is a folder.", "Give the path of the model file in it.")
    loader = LOADERS.get(path.suffix.lower())
    if loader is None:
        kind = f"the suffix '{path.suffix}'" if path.suffix else "no suffix"
        raise UnsupportedError(
            f"'{spec}' has {kind}, which names no kind of model that can be read.",
            f"Give {source_kinds()}.",
        )
    module, function = loader.split(":")
    read: SourceModel = getattr(import_module(module), function)(path, input_shapes)
    return read
