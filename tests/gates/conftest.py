"""A real profile of the example bundle, as the command line saved it, for the tests to change."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

SAVED = Path(__file__).parent / "fashion.profile.json"


@pytest.fixture
def profile() -> dict[str, Any]:
    """A fresh copy of the document: float32.onnx in onnxruntime and int8.tflite in litert."""
    document: dict[str, Any] = json.loads(SAVED.read_text())
    return document


@pytest.fixture
def entry(profile: dict[str, Any]) -> dict[str, Any]:
    """Its entry of float32.onnx in onnxruntime on the rpi4."""
    found: dict[str, Any] = profile["results"][0]
    return found


@pytest.fixture
def save(tmp_path: Path) -> Callable[[Mapping[str, Any]], Path]:
    """A call that writes a document to ``base.json``."""

    def write(document: Mapping[str, Any]) -> Path:
        path = tmp_path / "base.json"
        path.write_text(json.dumps(document))
        return path

    return write
