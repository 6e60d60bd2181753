"""Inference engines: one loaded model behind one Protocol, whatever library runs it.

This module knows the names of the engines, the model format each reads and the distribution that
brings it. It must not import any of them: a board has one engine, and a broken one must not stop
the others from being used.

To add an engine: write a factory ``(name, version, model, threads) -> Engine`` and add one
line to ``_ENGINES``.
"""

import importlib
import os
import re
import sys
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Callable, Protocol, Union, cast

import numpy as np

from edgeml_runtime.errors import InputError, MissingToolError
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.tensors import TensorSpec

__all__ = [
    "ENGINE_FORMATS",
    "Engine",
    "import_engine",
    "install_line",
    "installed_engines",
    "open_engine",
]

NUMPY = "numpy"

# `ai_edge_litert-2.3.0.dist-info`; Debian's packages may have `name-1.0-py3.11.egg-info`.
# https://packaging.python.org/en/latest/specifications/recording-installed-packages/
_FOLDER = re.compile(r"(.+?)-(\d[^-]*)(-py[\d.]+)?\.(dist|egg)-info")


class Engine(Protocol):
    """One model, loaded and ready in one engine.

    A Protocol, so that the engines share a contract and not a base class. Tensor names are those
    of the model file: for TFLite the names of its signature, or else of its tensors. A file does
    not say what its axes mean; TFLite engines report rank-4 tensors as ``NHWC``, the format's
    convention, and ONNX engines report no layout.
    """

    @property
    def name(self) -> str:
        """The engine's name, a key of ``ENGINE_FORMATS``."""

    @property
    def version(self) -> str:
        """The version of the library that runs the model."""

    @property
    def threads(self) -> int:
        """How many threads one inference may use."""

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The inputs, in the order of the file."""

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The outputs, in the order of the file."""

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return all outputs by name, as arrays that the caller owns.

        Args:
            inputs: One array for each input, with its exact dtype and a shape that fits.

        Raises:
            InputError: A name, shape or dtype does not fit; names what came and what is wanted.
        """

    def close(self) -> None:
        """Release the model; nothing can be run afterwards."""


@dataclass(frozen=True)
class _EngineRow:
    """A line of the engine table."""

    format: str
    factory: str  # "module:function"
    library: str  # what is imported, before the factory is called
    distributions: tuple[str, ...]  # the first is the one to install
    needs_numpy1: bool = False


_LITERT = ("ai_edge_litert.interpreter", ("ai-edge-litert",))
_ENGINES: Mapping[str, _EngineRow] = MappingProxyType(
    {
        "onnxruntime": _EngineRow(
            "onnx",
            "onnxruntime_engine:open_model",
            "onnxruntime",
            ("onnxruntime", "onnxruntime-gpu"),
        ),
        "litert": _EngineRow("tflite", "tflite_engine:open_litert", *_LITERT),
        "litert-builtin": _EngineRow("tflite", "tflite_engine:open_litert_builtin", *_LITERT),
        "tflite-runtime": _EngineRow(
            "tflite",
            "tflite_engine:open_tflite_runtime",
            "tflite_runtime.interpreter",
            ("tflite-runtime",),
            needs_numpy1=True,
        ),
        NUMPY: _EngineRow("numpy", "numpy_engine:open_model", NUMPY, (NUMPY,)),
    }
)

ENGINE_FORMATS: Mapping[str, str] = MappingProxyType(
    {name: row.format for name, row in _ENGINES.items()}
)

_Factory = Callable[[str, str, Union[bytes, str], int], Engine]  # name, version, model, threads


def installed_engines() -> dict[str, str]:
    """Return the usable engines of this environment, name to version, without importing any.

    tflite-runtime was built for NumPy 1 and cannot be imported beside NumPy 2; it is left out
    there.
    """
    return {
        name: version
        for name, version in _installed_versions(_ENGINES).items()
        if not _numpy_too_new(_ENGINES[name])
    }


def install_line(name: str) -> str:
    """Return the pip command that brings engine *name*."""
    row = _ENGINES[name]
    numpy = ' "numpy<2"' if row.needs_numpy1 else ""
    return f"pip install {row.distributions[0]}{numpy}"


def open_engine(
    name: str, model: Union[str, "os.PathLike[str]", bytes], threads: int = 1
) -> Engine:
    """Load *model* in the engine called *name*.

    Args:
        name: A key of ``ENGINE_FORMATS``.
        model: A path, or the bytes of the file. The TFLite engines map a file into memory, so that
            it must not be changed until they are closed. An ONNX file that keeps weights in files
            beside it needs the path.
        threads: How many threads one inference may use, at least 1.

    Raises:
        InputError: Unknown engine, unreadable model, or a thread count below 1.
        MissingToolError: The engine is not installed here, or cannot be imported.
    """
    row = _ENGINES.get(name)
    if row is None:
        raise InputError(
            f"There is no engine called '{name}'.", f"Use one of: {', '.join(_ENGINES)}."
        )
    if threads < 1:
        raise InputError(f"threads is {threads}.", "Give a whole number of at least 1.")
    model = model if isinstance(model, bytes) else os.fspath(model)
    if not (model if isinstance(model, bytes) else _first_byte(model)):
        raise InputError("The model is empty (0 bytes).", "Give a whole model file.")
    factory, version = import_engine(name)
    if isinstance(model, str) and not _is_text(model):
        with open(model, "rb") as stream:
            model = stream.read()  # no engine takes such a name
    return factory(name, version, model, threads)


def import_engine(name: str) -> tuple[_Factory, str]:
    """Import the library of engine *name*; return what opens a model in it, and its version.

    Raises:
        MissingToolError: The engine is not installed here, or cannot be imported.
    """
    row = _ENGINES[name]
    version = _installed_versions([name]).get(name)
    if version is None:
        raise MissingToolError(f"The engine {name} is not installed.", f"Run: {install_line(name)}")
    if _numpy_too_new(row):
        raise MissingToolError(
            f"The engine {name} was built for NumPy 1, and NumPy {np.__version__} is installed.",
            f"Run: {install_line(name)}",
        )
    module_name, _, function = row.factory.partition(":")
    try:
        importlib.import_module(row.library)
        module = importlib.import_module(f"edgeml_runtime.engines.{module_name}")
    except ImportError as error:
        raise MissingToolError(
            f"The engine {name} {version} is installed but cannot be imported: {error}.",
            f"Install it again: {install_line(name)} --force-reinstall",
        ) from error
    return cast("_Factory", getattr(module, function)), version


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _first_byte(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read(1)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read: {error.strerror or error}.",
            "Give the path of a readable model file.",
        ) from error


def _installed_versions(names: Iterable[str]) -> dict[str, str]:
    rows = {name: _ENGINES[name].distributions for name in names}
    versions = distribution_versions([found for row in rows.values() for found in row])
    present = {name: [d for d in row if d in versions] for name, row in rows.items()}
    found = {name: versions[first[0]] for name, first in present.items() if first}
    return {**found, NUMPY: np.__version__} if NUMPY in rows else found  # however it came here


def _numpy_too_new(row: _EngineRow) -> bool:
    return row.needs_numpy1 and int(np.__version__.split(".")[0]) >= 2


def distribution_versions(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of those of *names* that are on the import path; the first one counts.

    They are read off the names of folders. `importlib.metadata` says the same, but its import alone
    takes a fifth of the start of a program on a board: it brings the parsers of mail and of zip
    archives.
    """
    wanted = {_normalized(name): name for name in names}
    versions: dict[str, str] = {}
    for folder in sys.path:
        try:
            entries = sorted(os.listdir(folder or "."))
        except OSError:
            continue  # not there, or an archive, which no engine is imported from
        for entry in entries:
            found = _FOLDER.fullmatch(entry) if entry.endswith("-info") else None
            name = wanted.get(_normalized(found[1])) if found is not None else None
            if found is not None and name is not None:
                versions.setdefault(name, found[2])
    return versions


def _normalized(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
