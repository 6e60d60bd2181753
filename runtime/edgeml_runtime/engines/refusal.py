"""What an engine refuses: arrays that do not fit its model, and models that it does not take."""

import re
from collections.abc import Iterable, Mapping
from typing import Optional

import numpy as np

from edgeml_runtime.errors import InputError, UnsupportedError
from edgeml_runtime.tensors import TensorSpec


class FeedCheck:
    """Checks arrays as ``check_feeds`` does; what fitted the last time is recognized at once."""

    def __init__(self, specs: tuple[TensorSpec, ...]) -> None:
        self._specs = specs
        self._fitted: tuple[tuple[str, np.dtype, tuple[int, ...]], ...] = ()
        self._count = -1

    def __call__(self, feeds: Mapping[str, np.ndarray]) -> bool:
        """Return whether names, types and shapes are those of the last time; raise InputError."""
        try:
            for name, dtype, shape in self._fitted:
                array = feeds[name]
                if array.shape != shape or array.dtype is not dtype:
                    break
            else:
                if len(feeds) == self._count:
                    return True
        except (AttributeError, KeyError):
            pass  # what is wrong is said below
        check_feeds(self._specs, feeds)
        self._fitted = tuple((name, array.dtype, array.shape) for name, array in feeds.items())
        self._count = len(feeds)
        return False


def check_feeds(specs: tuple[TensorSpec, ...], feeds: Mapping[str, np.ndarray]) -> None:
    """Check that *feeds* holds exactly the inputs *specs* describe.

    Raises:
        InputError: A name is missing or unknown, or a shape or dtype differs; both are named.
    """
    wanted = {spec.name for spec in specs}
    if feeds.keys() != wanted:
        raise InputError(
            f"The inputs given are {_names(feeds)}, and the model has {_names(wanted)}.",
            "Give one array for each input of the model, by its name.",
        )
    for spec in specs:
        array = feeds[spec.name]
        if not isinstance(array, (np.ndarray, np.generic)):  # a number of rank 0 will do
            raise InputError(
                f"Input '{spec.name}' is a {type(array).__name__}, not an array.",
                "Make one of it with numpy.asarray.",
            )
        if array.dtype != np.dtype(spec.dtype):
            raise InputError(
                f"Input '{spec.name}' is {array.dtype}, and the model wants {spec.dtype}.",
                f"Convert it, for example with array.astype('{spec.dtype}').",
            )
        if not shape_fits(array.shape, spec.shape):
            raise InputError(
                f"Input '{spec.name}' has shape {shape_text(array.shape)}, "
                f"and the model wants {shape_text(spec.shape)}.",
                "Give an array of that shape; '?' stands for any size.",
            )


def shape_fits(shape: tuple[int, ...], wanted: tuple[Optional[int], ...]) -> bool:
    """Return whether *shape* has the sizes of *wanted*, where None accepts any size above 0."""
    return len(shape) == len(wanted) and all(
        size == want if want is not None else size > 0 for size, want in zip(shape, wanted)
    )


def shape_text(shape: tuple[Optional[int], ...]) -> str:
    """Return a shape as text: ``1x3x224x224``, ``?`` for a free size, ``scalar`` for rank 0."""
    return "x".join("?" if size is None else str(size) for size in shape) or "scalar"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names)) or "none"


_UPDATE = "Update the engine, or convert the model with --min-runtime {engine}=={version}."
_PLAIN = "Export the model with operators of {format} alone, or use another engine."
_REASONS = (
    (
        r"model IR version: (\d+)",
        "it is too old for ONNX files of version {0}",
        _UPDATE,
    ),
    (r"Opset (\d+) is under dev", "it is too old for operator set {0}", _UPDATE),
    (r"opcode '(\w+)' version '(\d+)'", "it is too old for version {1} of {0}", _UPDATE),
    (r"implementation for (\w+)\((\d+)\)", "it has no {0} for the types of the model", _UPDATE),
    (r"\((Flex\w+)\) failed to prepare", "{0} is an operator of TensorFlow (Flex)", _PLAIN),
    (r"unresolved custom op: (\w+)", "{0} is an operator that it does not have", _PLAIN),
    (r"(?:registered for|Fatal error:) ([\w.:]+)", "{0} is an operator that it lacks", _PLAIN),
)


def load_error(engine: str, version: str, error: Exception) -> InputError:
    """Return the error for *error*, which *engine* raised when it was given a model to load.

    UnsupportedError when another version or engine may take the model.
    """
    text = " ".join(str(error).split())
    problem = f"{engine} {version} cannot load the model"
    for pattern, reason, remedy in _REASONS:
        found = re.search(pattern, text)
        if found is not None:
            kind = "ONNX" if engine == "onnxruntime" else "TFLite"
            return UnsupportedError(
                f"{problem}: {reason.format(*found.groups())}.",
                remedy.format(engine=engine, version=version, format=kind),
            )
    text = text.rstrip(".")[:300]
    return InputError(f"{problem}: {text}.", "Check that it is a whole model file.")
