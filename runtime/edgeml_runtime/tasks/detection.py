"""The task ``detection``: labelled boxes, of the outputs of SSD and the YOLO family."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Optional

import numpy as np

from edgeml_runtime.errors import InputError
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.manifest import Manifest
from edgeml_runtime.preprocess import Geometry
from edgeml_runtime.tasks import Answer, task_fields
from edgeml_runtime.tasks.heads import Boxes, make_head

if TYPE_CHECKING:
    from edgeml_runtime.drawing import Shape

_BLOCK = 64  # bits of a word
_CELLS = 1 << 15  # of a matrix of pairs: stays in the cache
_MIXED = 1024  # above this it pays to take one class after the other


def suppress(
    boxes: np.ndarray,
    scores: np.ndarray,
    iou_threshold: float,
    classes: Optional[np.ndarray] = None,
    limit: Optional[int] = None,
) -> np.ndarray:
    """Return the indices of the boxes that stay, best first; equal scores by index.

    Args:
        boxes: Left, top, right, bottom, (N,4), finite.
        scores: (N,).
        iou_threshold: What two boxes share, over what they cover, must be more for one to go.
        classes: (N,); only boxes of one class suppress each other. None: all do.
        limit: How many may stay.
    """
    order: np.ndarray = np.argsort(-scores, kind="stable")
    columns = np.empty((6, len(order)), np.float32)
    columns[:4] = boxes.T[:, order]
    columns[4] = np.maximum(columns[2:4] - columns[:2], 0.0).prod(axis=0)
    # shared / (a + b - shared) > t without division; just t, as whole pixels may have, is not more.
    factor = np.float32((1.0 / max(iou_threshold, 1e-6) + 1.0) * (1.0 - 2.0**-22))
    if classes is None:
        return np.take(order, _kept(columns[:5], factor, limit))
    columns[5] = classes[order]
    if len(order) <= _MIXED:
        return np.take(order, _kept(columns, factor, limit))
    parts = (np.flatnonzero(columns[5] == number) for number in np.unique(columns[5]))
    kept = [part[_kept(columns[:5, part], factor, limit)] for part in parts]
    return np.take(order, np.sort(np.concatenate(kept))[:limit])


def _kept(columns: np.ndarray, factor: np.float32, limit: Optional[int]) -> np.ndarray:
    """Return which of *columns* (edges, area, perhaps class; best first) stay, in order."""
    numbers = np.arange(columns.shape[1])
    found, count = [numbers[:0]], 0
    while len(numbers) and (limit is None or count < limit):
        first, rest = columns[:, :_BLOCK], columns[:, _BLOCK:]
        chosen = _chosen(_overlapping(first, first, factor))
        found.append(numbers[chosen])
        count += len(chosen)
        if not rest.size:
            break
        best, step = first[:, chosen], _CELLS // len(chosen)
        hit = [
            _overlapping(best, rest[:, start : start + step], factor).any(axis=0)
            for start in range(0, rest.shape[1], step)
        ]
        free = np.flatnonzero(~np.concatenate(hit))
        numbers, columns = numbers[_BLOCK:].take(free), rest.take(free, axis=1)
    return np.concatenate(found)[:limit]


def _chosen(overlapping: np.ndarray) -> list[int]:
    """Return the rows that stay of a square of at most 64, where each drops those it overlaps."""
    size = len(overlapping)
    bits = np.zeros((size, 8), np.uint8)
    bits[:, : (size + 7) // 8] = np.packbits(overlapping, axis=1, bitorder="little")
    drops: list[int] = bits.view("<u8").ravel().tolist()
    left, chosen = (1 << size) - 1, []
    while left:
        lowest = left & -left
        chosen.append(lowest.bit_length() - 1)
        left &= ~(drops[chosen[-1]] | lowest)
    return chosen


def _overlapping(ours: np.ndarray, theirs: np.ndarray, factor: np.float32) -> np.ndarray:
    """Return (N,M), true where a box of *ours* and one of *theirs* overlap too much."""
    ours = ours[:, :, np.newaxis]
    shared = np.minimum(ours[2], theirs[2])
    shared -= np.maximum(ours[0], theirs[0])
    np.maximum(shared, 0.0, out=shared)
    height = np.minimum(ours[3], theirs[3])
    height -= np.maximum(ours[1], theirs[1])
    shared *= height
    shared *= factor
    np.add(ours[4], theirs[4], out=height)
    result: np.ndarray = shared > height
    if len(ours) == 6:
        result &= ours[5] == theirs[5]
    return result


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
