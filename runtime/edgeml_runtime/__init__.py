"""Runs edgeml bundles on the board: ``edgeml_runtime.load("model.edgeml")(image)``.

The public names are loaded when they are first used: the errors and the progress type, which
every package of edgeml imports from here, must not cost an import of NumPy.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgeml_runtime.session import Model, load
    from edgeml_runtime.tasks.vectors import Classification, RawOutputs

__all__ = ["Classification", "Model", "RawOutputs", "load"]

_HOMES = {
    "Classification": "edgeml_runtime.tasks.vectors",
    "Model": "edgeml_runtime.session",
    "RawOutputs": "edgeml_runtime.tasks.vectors",
    "load": "edgeml_runtime.session",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the names differ in type
    """Load a public name from the module that holds it."""
    if name not in _HOMES:
        raise AttributeError(f"module 'edgeml_runtime' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
