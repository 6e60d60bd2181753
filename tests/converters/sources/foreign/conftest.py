"""A framework whose worker is numpy, so that all but the framework is real."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edgeml_converters.sources.foreign.framework import Framework

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
