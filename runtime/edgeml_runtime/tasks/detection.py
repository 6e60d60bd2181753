"""The task ``detection``: labelled boxes, of the outputs of SSD and the YOLO family."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Optional

import numpy as np

from edgeml_runtime.errors import InputError
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.manifest import Manifest
from edgeml_runtime.preprocess.geometry import Geometry
from edgeml_runtime.tasks.heads import Boxes, make_head
from edgeml_runtime.tasks.nms import suppress
from edgeml_runtime.tasks.options import Answer, task_fields

if TYPE_CHECKING:
    from edgeml_runtime.drawing import Shape


@dataclass(frozen=True)
class Detection:
    """One object.

    Args:
        label: The class by name, or its index as text when the bundle has no labels.
        index: The class by number.
        score: From 0 to 1.
        box: Left, top, right, bottom in pixels of the image, inside of it.
    """

    label: str
    index: int
    score: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Detections(Answer):
    """The answer for one image: what was found, best first; perhaps nothing."""

    detections: tuple[Detection, ...]

    def __iter__(self) -> Iterator[Detection]:
        return iter(self.detections)

    def __len__(self) -> int:
        return len(self.detections)

    def summary(self) -> str:
        """Return label, score and box of each."""
        lines = [
            f"{item.label} {item.score:.4f} at {','.join(f'{edge:.0f}' for edge in item.box)}"
            for item in self
        ]
        return "; ".join(lines) or "nothing"

    def shapes(self) -> list["Shape"]:
        """Return a box with label and score for each."""
        from edgeml_runtime.drawing import Shape  # noqa: PLC0415 - for those who draw

        return [Shape(item.index, f"{item.label} {item.score:.2f}", item.box) for item in self]


class Detector:
    """Makes ``Detections`` of the outputs, as the head named in the options reads them."""

    def __init__(self, manifest: Manifest) -> None:
        fields = task_fields(manifest)
        self._labels = manifest.labels
        self._threshold = fields.fraction("score_threshold", 0.25)
        self._iou = fields.fraction("iou_threshold", 0.45)
        self._limit = fields.whole("max_detections", 1, default=300)
        self._candidates = fields.whole("max_candidates", 1, default=30000)
        self._agnostic = fields.flag("class_agnostic")
        self._head, self._overlap = make_head(fields, manifest)
        self._size = _input_size(manifest)
        fields.nothing_else()

    def __call__(
        self, outputs: Mapping[str, np.ndarray], geometry: Optional[Geometry] = None
    ) -> Detections:
        """Return the answer for outputs of a batch of 1.

        Raises:
            InputError: An output has another shape than the head has, or NaN where it was read.
        """
        if geometry is None:
            height, width = self._size
            if not (height and width):
                raise InputError(
                    "The size of the model's input is free, so where its boxes lie is not known.",
                    "Make the bundle again with preprocessing, or with an input of a fixed size.",
                )
            geometry = Geometry.identity(height, width)
        found = self._head(outputs, (geometry.height, geometry.width), self._threshold)
        return self._placed(found, geometry)

    def _placed(self, found: Boxes, geometry: Geometry) -> Detections:
        """Return what stays of *found*, in pixels of the image."""
        first = self._candidates if self._overlap else self._limit
        if len(found.scores) > first or not self._overlap:
            order = np.argsort(-found.scores, kind="stable")[:first]
            found = Boxes(*(part[order] for part in found))
        if self._overlap:
            groups = None if self._agnostic else found.classes
            kept = suppress(found.edges, found.scores, self._iou, groups, self._limit)
            found = Boxes(*(part[kept] for part in found))
        scale = np.array([geometry.scale_x, geometry.scale_y] * 2)
        shift = np.array([geometry.offset_x, geometry.offset_y] * 2)
        whole = np.array([geometry.image_width, geometry.image_height] * 2)
        boxes = np.minimum(np.maximum(found.edges * scale + shift, 0.0), whole)
        return Detections(
            tuple(
                Detection(self._label(index), index, score, (left, top, right, bottom))
                for (left, top, right, bottom), score, index in zip(
                    boxes.tolist(), found.scores.tolist(), found.classes.tolist()
                )
                if left < right and top < bottom
            )
        )

    def _label(self, index: int) -> str:
        return self._labels[index] if 0 <= index < len(self._labels) else str(index)


def _input_size(manifest: Manifest) -> tuple[Optional[int], Optional[int]]:
    """Return height and width of the model's input; None where they are not known."""
    shape, layout = manifest.inputs[0].shape, manifest.inputs[0].layout
    if len(shape) != 4:
        return None, None
    first = layout == "NCHW" or (not layout and shape[1] in (1, 3))
    return (shape[2], shape[3]) if first else (shape[1], shape[2])
