"""DATA as ``module:callable``: the user's own Python, called anew for each pass over the samples.

Also finds a metric that is named the same way. The current folder is searched for the module, after
everything installed.
"""

import operator
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import GeneratorType
from typing import Any

import numpy as np

from edgeml_converters.data.source import RawSample, Source
from edgeml_runtime.errors import InputError
from edgeml_runtime.tensors import TensorSpec

USER_CODE_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)
"""What code that we do not know may raise: reported as the user's error, the cause attached."""


def open_callable(spec: str, inputs: tuple[TensorSpec, ...]) -> Source:  # noqa: ARG001 - see Form
    """Return what the callable *spec* yields: pairs ``(inputs, label)``.

    ``inputs`` is an array, or one for each model input by name; ``label`` a class index or None.

    Raises:
        InputError: There is no such callable, or it is an iterator that could be read only once.
    """
    return Source(spec, _Reader(spec, load_callable(spec)).read, size=None)


def load_callable(spec: str) -> Callable[..., Any]:
    """Return the callable that ``module:callable`` names.

    Raises:
        InputError: The module or the name is not there, or is nothing that can be called.
    """
    module_name, _, attribute = spec.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        found = operator.attrgetter(attribute)(import_module(module_name))
    except USER_CODE_ERRORS as error:
        raise InputError(
            f"{spec} cannot be loaded: {type(error).__name__}: {error}.",
            "Name an importable module (the current folder is searched) and a function in it.",
        ) from error
    if isinstance(found, GeneratorType):
        raise InputError(
            f"{spec} is a generator, which can be read only once.",
            "Name the function that makes it, without calling it.",
        )
    if not callable(found):
        raise InputError(
            f"{spec} is a {type(found).__name__}, which cannot be called.",
            "Name a function that takes no arguments and yields (inputs, label).",
        )
    return found  # type: ignore[no-any-return]  # the user's object: only known to be callable


class _Reader:
    """Calls the user's function for each pass, and notices an iterator that it hands out twice."""

    def __init__(self, spec: str, function: Callable[..., Any]) -> None:
        self._spec = spec
        self._function = function
        self._previous: Iterator[Any] | None = None

    def read(self) -> Iterator[RawSample]:
        index = 0
        try:
            for index, item in enumerate(self._start(), start=1):
                yield _sample(item, f"Sample {index} of {self._spec}")
        except USER_CODE_ERRORS as error:
            raise InputError(
                f"{self._spec} failed after {index} samples: {type(error).__name__}: {error}.",
                "It is called without arguments and must yield (inputs, label).",
            ) from error

    def _start(self) -> Iterator[Any]:
        samples: Iterator[Any] = iter(self._function())
        if samples is self._previous:
            raise InputError(
                f"{self._spec} returns the same iterator on every call; it can be read only once.",
                "Make a new iterator on every call, as a function with yield does.",
            )
        self._previous = samples
        return samples


def _sample(item: object, origin: str) -> RawSample:
    if not isinstance(item, (tuple, list)) or len(item) != 2:
        raise InputError(
            f"{origin} is a {type(item).__name__}, not a pair.", "Yield (inputs, label)."
        )
    value, label = item
    if isinstance(value, Mapping):
        value = {str(name): np.asarray(array) for name, array in value.items()}
    elif not isinstance(value, np.ndarray):
        raise InputError(
            f"The inputs of {origin[0].lower()}{origin[1:]} are a {type(value).__name__}.",
            "Yield a numpy array, or a dict of arrays by input name.",
        )
    return RawSample(value, _class_index(label, origin), origin)


def _class_index(label: object, origin: str) -> int | None:
    if label is None:
        return None
    if isinstance(label, np.ndarray) and label.ndim == 0:
        label = label[()]
    if isinstance(label, (int, np.integer)) and not isinstance(label, bool) and label >= 0:
        return int(label)
    raise InputError(
        f"{origin} has the label {label!r}.",
        "A label is a whole number counted from 0, or None.",
    )
