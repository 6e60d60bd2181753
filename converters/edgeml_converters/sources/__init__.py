"""Where a model comes from: one module for each kind of source, found by the file's suffix.

To add a kind, write a module with ``load(path, input_shapes) -> SourceModel`` and add its line to
``LOADERS``. The modules are imported when they are asked for, so that one kind's libraries are not
loaded for another.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from edgeml_converters.sources.source_model import SourceModel
from edgeml_runtime.errors import InputError, UnsupportedError

__all__ = ["LOADERS", "SourceModel", "load_source"]

LOADERS: Mapping[str, str] = {
    ".onnx": "edgeml_converters.sources.onnx_file:load",
    ".tflite": "edgeml_converters.sources.tflite_file:load",
}
"""Suffix -> ``module:function``."""


def load_source(
    spec: str, input_shapes: Mapping[str, tuple[int, ...]] | None = None
) -> SourceModel:
    """Return the model that *spec* names.

    Args:
        spec: The path of a model file.
        input_shapes: Sizes by input name, for inputs that leave sizes free. A free first axis
            may stay free; every other free axis must be given.

    Raises:
        UnsupportedError: No loader knows the suffix, or the model has no form in the graph.
        InputError: The file is missing, damaged or no model, or *input_shapes* does not fit it.
    """
    path = Path(spec)
    loader = LOADERS.get(path.suffix.lower())
    if not path.exists():
        raise InputError(f"There is no file '{spec}'.", "Check the path.")
    if not path.is_file():
        raise InputError(f"'{spec}' is a folder.", "Give the path of the model file in it.")
    if loader is None:
        known = ", ".join(sorted(LOADERS))
        kind = f"the suffix '{path.suffix}'" if path.suffix else "no suffix"
        raise UnsupportedError(
            f"'{spec}' has {kind}, which names no kind of model that can be read.",
            f"Give a model with one of the suffixes {known}.",
        )
    module, function = loader.split(":")
    model: SourceModel = getattr(import_module(module), function)(path, dict(input_shapes or {}))
    return model
