"""Model inputs, preprocessing and image files that the data tests share."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeml_runtime.preprocess import Pipeline
from edgeml_runtime.tensors import TensorSpec

WriteImage = Callable[[Path, tuple[int, int, int]], Path]


@pytest.fixture
def image_inputs() -> tuple[TensorSpec, ...]:
    """A model that takes 4x6 images, NCHW."""
    return (TensorSpec("image", (None, 3, 4, 6), "float32", "NCHW"),)


@pytest.fixture
def row_inputs() -> tuple[TensorSpec, ...]:
    """A model that takes rows of three numbers."""
    return (TensorSpec("row", (None, 3), "float32"),)


@pytest.fixture
def pipeline() -> Pipeline:
    """From an RGB image of 4x6 to the input of ``image_inputs``."""
    steps = [
        {"op": "normalize", "mean": [0.0, 0.0, 0.0], "std": [255.0, 255.0, 255.0]},
        {"op": "layout", "to": "NCHW"},
    ]
    return Pipeline.from_json({"schema": "edgeml.preprocess/1", "step": steps})


@pytest.fixture
def write_image() -> WriteImage:
    """Write an image of one RGB colour; the suffix says the format."""

    def write(path: Path, colour: tuple[int, int, int]) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        image = np.full((4, 6, 3), colour[::-1], np.uint8)
        encoded, data = cv2.imencode(path.suffix.lower(), image)
        assert encoded
        path.write_bytes(data.tobytes())
        return path

    return write
