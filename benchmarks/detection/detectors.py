"""The detectors: where their networks and photos are, and how their boxes are read."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.real_models.catalog import REAL_MODELS
from benchmarks.real_models.fetching import fetch
from edgeml_runtime.errors import MissingToolError

WARDROBE = Path(__file__).parents[2] / "examples" / "wardrobe"

Decode = Callable[[list[np.ndarray]], tuple[np.ndarray, np.ndarray]]
"""Reads the outputs as a script does: centers and sizes, (N,4), and scores, (N,classes)."""


@dataclass(frozen=True)
class Detector:
    """A network with the way its boxes are read.

    Args:
        title: What is printed.
        source: The ONNX file.
        photos: What to look at.
        size: Height and width of its input.
        scale: What pixels are multiplied with.
        rgb: Whether red comes first.
        labels: Names of its classes.
        options: Of the task.
        decode: The script's own reading.
    """

    title: str
    source: Path
    photos: tuple[Path, ...]
    size: int
    scale: float
    rgb: bool
    labels: tuple[str, ...]
    options: Mapping[str, Any]
    decode: Decode = field(repr=False)

    def preprocess(self) -> dict[str, Any]:
        """Return the ``edgeml.preprocess/1`` document."""
        return {
            "schema": "edgeml.preprocess/1",
            "step": [
                {"op": "letterbox", "size": [self.size, self.size]},
                *([] if self.rgb else [{"op": "color", "to": "BGR"}]),
                {"op": "normalize", "mean": [0.0], "std": [1.0 / self.scale]},
                {"op": "layout", "to": "NCHW"},
            ],
        }


def wardrobe(head: str) -> Detector:
    """Return the example's network with the head ``yolo`` or ``ssd``."""
    labels = tuple((WARDROBE / "labels.txt").read_text(encoding="utf-8").split())
    anchors = [{"stride": 8, "sizes": [[20, 20], [32, 32]]}, {"stride": 16, "scales": [44, 64]}]
    options: dict[str, dict[str, Any]] = {
        "yolo": {"head": "yolov8"},
        "ssd": {"head": "ssd_anchors", "anchors": anchors},
    }
    return Detector(
        title=f"wardrobe, {head}",
        source=WARDROBE / f"{head}.onnx",
        photos=tuple(sorted((WARDROBE / "photos").glob("*.jpg"))),
        size=128,
        scale=1 / 255,
        rgb=True,
        labels=labels,
        options=options[head],
        decode=_yolov8,
    )


def captcha() -> Detector:
    """Return ddddocr's detector of marks, a YOLOX of 416 x 416, on photos.

    Raises:
        MissingToolError: There are no photos, or the package cannot be fetched.
    """
    folder = os.environ.get("EDGEML_IMAGENET")
    if not folder:
        raise MissingToolError(
            "The photos for the detector of 416 x 416 are not known.",
            "Set EDGEML_IMAGENET to a folder of photos.",
        )
    return Detector(
        title="ddddocr, yolox",
        source=fetch(REAL_MODELS["ddddocr_det"]),
        photos=tuple(sorted(Path(folder).glob("*.jpg")))[:24],
        size=416,
        scale=1.0,
        rgb=False,
        labels=("mark",),
        options={"head": "yolox"},
        decode=_yolox,
    )


def _yolov8(outputs: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    table = outputs[0][0].T
    return table[:, :4], table[:, 4:]


def _yolox(outputs: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    table = outputs[0][0]
    return _decode_cells(table[:, :4]), table[:, 4:5] * table[:, 5:]


def _grid() -> tuple[np.ndarray, np.ndarray]:
    cells, strides = [], []
    for stride in (8, 16, 32):
        side = 416 // stride
        columns, rows = np.meshgrid(np.arange(side), np.arange(side))
        cells.append(np.stack([columns, rows], 2).reshape(-1, 2))
        strides.append(np.full((side * side, 1), stride))
    return np.concatenate(cells), np.concatenate(strides)


_CELLS, _STRIDES = _grid()


def _decode_cells(boxes: np.ndarray) -> np.ndarray:
    return np.hstack([(boxes[:, :2] + _CELLS) * _STRIDES, np.exp(boxes[:, 2:]) * _STRIDES])
