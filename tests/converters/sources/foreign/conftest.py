"""A framework whose worker is numpy, so that all but the framework is real; and the real ones.

Tests of a real framework are skipped where no interpreter has it. EDGEML_TEST_ENVIRONMENTS=1 makes
one in edgeml's cache first, which takes the network and some hundred MiB.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeml_converters.sources.foreign.environment import find_python, framework_python
from edgeml_converters.sources.foreign.framework import Framework, load_frameworks

MakeFramework = Callable[..., Framework]


def _framework(**changes: object) -> Framework:
    values: dict[str, object] = {
        "name": "numpynet",
        "title": "NumpyNet",
        "worker": Path(__file__).parent / "numpy_worker.py",
        "modules": ("numpy", "onnx"),
        "requirements": (),
        "pythons": ("3.14", "3.13", "3.12", "3.11"),
        "download_mib": 7,
        "suffixes": (".npnet",),
        "pickle_suffixes": (".npickle",),
        "pickle_remedy": "Save it otherwise.",
        "callables": True,
    }
    return Framework(**{**values, **changes})  # type: ignore[arg-type]  # values as above


@pytest.fixture(scope="session")
def make_framework() -> MakeFramework:
    return _framework


@pytest.fixture(scope="session")
def framework() -> Framework:
    return _framework()


@pytest.fixture(scope="session")
def sklearn_python() -> Path:
    return _python_of("sklearn")


@pytest.fixture(scope="session")
def keras_python() -> Path:
    return _python_of("keras")


def _python_of(name: str) -> Path:
    framework = load_frameworks()[name]
    if os.environ.get("EDGEML_TEST_ENVIRONMENTS") == "1":
        return framework_python(framework, lambda _question: True)
    python = find_python(framework)
    if python is None:
        pytest.skip(f"{framework.title} is not here; EDGEML_TEST_ENVIRONMENTS=1 sets it up")
    return python
