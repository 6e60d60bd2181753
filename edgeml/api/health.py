"""`edgeml.doctor`: what is installed, what is missing, what is known bad."""

import importlib.metadata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from edgeml import __version__
from edgeml_converters.sources.foreign.environment import described_python
from edgeml_converters.sources.foreign.framework import load_frameworks
from edgeml_devices import environment
from edgeml_devices.environment import Check
from edgeml_runtime.errors import EdgemlError

_PACKAGES: Final = {
    "onnx": ("onnx",),
    "onnx-ir": ("onnx-ir",),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu"),
    "ai-edge-litert": ("ai-edge-litert",),
    "numpy": ("numpy",),
    "opencv": ("opencv-python-headless", "opencv-python"),
    "jinja2": ("jinja2",),
}
"""What edgeml needs -> the distributions that bring it, the one to install first."""


@dataclass(frozen=True)
class Health:
    """The result of `edgeml.doctor`."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing that is needed is missing."""
        return all(check.ok for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """Return the ``edgeml.doctor/1`` document."""
        return {
            "schema": "edgeml.doctor/1",
            "version": __version__,
            "ok": self.ok,
            "checks": [check.to_json() for check in self.checks],
        }


def doctor() -> Health:
    """Look at the installed packages and at what emulation needs; change nothing."""
    return Health((*_package_checks(), *_framework_checks(), *environment.checks()))


def _package_checks() -> Iterator[Check]:
    for name, distributions in _PACKAGES.items():
        versions = [version for d in distributions if (version := _version(d)) is not None]
        found = versions[0] if versions else "not installed"
        remedy = "" if versions else f"pip install {distributions[0]}"
        yield Check(name, bool(versions), found, remedy)


def _framework_checks() -> Iterator[Check]:
    """Tell where frameworks that sources can come from would run; none of them is needed."""
    for framework in load_frameworks().values():
        name = f"{framework.title} (optional)"
        try:
            yield Check(name, ok=True, found=described_python(framework), remedy="")
        except EdgemlError as error:
            yield Check(name, ok=False, found=error.problem, remedy=error.remedy)


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
