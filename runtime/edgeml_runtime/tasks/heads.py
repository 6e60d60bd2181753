"""How detectors write their boxes: from outputs to boxes on the model's input.

Only what passes the score threshold is decoded. A head is a function that reads its options and
returns the decoder, and a line of ``_HEADS``.
"""

from collections.abc import Mapping
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Callable, NamedTuple

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.errors import InputError
from edgeml_runtime.manifest import Manifest
from edgeml_runtime.tensors import TensorSpec

_LARGEST = 16.0  # exponent of a size; more is no box, and overflows
_BINS = 16  # of a distance in YOLOv8
_AXES: Mapping[str, list[int]] = MappingProxyType(
    {"xyxy": [0, 1, 2, 3], "xywh": [0, 1, 2, 3], "yxyx": [1, 0, 3, 2], "yxhw": [1, 0, 3, 2]}
)


class Boxes(NamedTuple):
    """Left, top, right, bottom in pixels of the input, (N,4), with scores and classes, (N,)."""

    edges: np.ndarray
    scores: np.ndarray
    classes: np.ndarray


Outputs = Mapping[str, np.ndarray]
Head = Callable[[Outputs, tuple[int, int], float], Boxes]
"""Returns the boxes of outputs above a score, for an input of that height and width."""


def make_head(fields: Fields, manifest: Manifest) -> tuple[Head, bool]:
    """Return the head that the options name, and whether its boxes may overlap; InputError."""
    make, coordinates, overlap = _HEADS[fields.choice("head", _HEADS)]
    head = make(fields, manifest)
    if coordinates:
        coordinates = fields.choice("coordinates", ("pixels", "normalized"), coordinates)

    def checked(outputs: Outputs, size: tuple[int, int], least: float) -> Boxes:
        edges, scores, classes = head(outputs, size, least)
        if not np.isfinite(edges.sum() + classes.sum()):  # of a sum, as that is one call
            raise _nan("The boxes or their classes")
        if coordinates == "normalized":
            edges = edges * np.array(size[::-1] * 2, np.float32)
        return Boxes(edges, scores, classes.astype(np.intp, copy=False))

    return checked, overlap


def _yolo(fields: Fields, manifest: Manifest, before: int, grid: bool = False) -> Head:
    """Center, size and classes of each box, after its objectness where *before* is 5.

    With *grid*, centers are in cells and sizes are logarithms of cells.
    """
    (name,) = _named(fields, manifest, boxes=_any).values()
    strides = fields.numbers("strides") if fields.has("strides") else (8.0, 16.0, 32.0)
    levels = tuple((stride, ((stride, stride),)) for stride in strides)

    def head(outputs: Outputs, size: tuple[int, int], least: float) -> Boxes:
        table = _table(name, outputs[name], before, len(manifest.labels))
        if before == 5:
            sure = _best(name, table[:, 4:5], least)[0]
            rows, scores, classes = _best(name, table[sure, 5:] * table[sure, 4:5], least)
            rows = sure[rows]
        else:
            rows, scores, classes = _best(name, table[:, 4:], least)
        centers, sizes = table[rows, :2], table[rows, 2:4]
        if grid:
            cells = _cells(size, levels, 0.0, name, len(table))[rows]
            centers = centers * cells[:, 2:] + cells[:, :2]
            sizes = np.exp(np.minimum(sizes, _LARGEST)) * cells[:, 2:]
        return Boxes(_edges(centers, sizes), scores, classes)

    return head


def _yolov8(fields: Fields, manifest: Manifest) -> Head:
    """As ``_yolo``, or undecoded: maps of 4 distances in bins, and a logit for each class."""
    if any(len(spec.shape) != 4 for spec in manifest.outputs):
        return _yolo(fields, manifest, 4)
    layouts = {spec.name: spec.layout for spec in manifest.outputs}
    labels = len(manifest.labels)

    def head(outputs: Outputs, size: tuple[int, int], least: float) -> Boxes:
        found = []
        for name, output in outputs.items():
            maps = output[0] if layouts[name] == "NHWC" else output[0].transpose(1, 2, 0)
            height, width, channels = maps.shape
            if not 4 * _BINS + max(labels, 1) <= channels <= 4 * _BINS + (labels or channels):
                raise _misfit(name, output.shape, f"maps of {4 * _BINS} + {labels or 'N'} channels")
            table = maps.reshape(-1, channels)
            rows, logits, classes = _best(name, table[:, 4 * _BINS :], _logit(least))
            weights = _softmax(table[rows, : 4 * _BINS].reshape(-1, 4, _BINS))
            distances = weights @ np.arange(_BINS, dtype=np.float32)
            centers = np.stack([rows % width, rows // width], axis=1) + np.float32(0.5)
            edges = np.hstack([centers - distances[:, :2], centers + distances[:, 2:]])
            edges *= np.array([size[1] / width, size[0] / height] * 2, np.float32)
            found.append((edges, _sigmoid(logits), classes))
        return Boxes(*(np.concatenate(parts) for parts in zip(*found)))

    return head


def _end_to_end(fields: Fields, manifest: Manifest) -> Head:
    """Edges, score and class of each box, suppressed in the model."""
    (name,) = _named(fields, manifest, boxes=_any).values()

    def head(outputs: Outputs, _: tuple[int, int], least: float) -> Boxes:
        table = _table(name, outputs[name], 5, 1)
        rows, scores, _classes = _best(name, table[:, 4:5], least)
        return Boxes(table[rows, :4], scores, np.rint(table[rows, 5]))

    return head


def _ssd(fields: Fields, manifest: Manifest) -> Head:
    """Boxes, classes, scores and perhaps their count, suppressed in the model."""
    count = {"count": _single} if any(_single(spec) for spec in manifest.outputs) else {}
    names = _named(fields, manifest, boxes=_fours, **count, classes=_any, scores=_any)
    order = _AXES[fields.choice("box_order", ("yxyx", "xyxy"), "yxyx")]

    def head(outputs: Outputs, _: tuple[int, int], least: float) -> Boxes:
        boxes, classes, scores = (
            outputs[names[role]].reshape(-1, width)
            for role, width in (("boxes", 4), ("classes", 1), ("scores", 1))
        )
        if not len(boxes) == len(classes) == len(scores):
            raise _misfit(names["scores"], scores.shape, f"{len(boxes)} boxes")
        # min and max in this order take NaN for all
        valid = max(0, min(len(scores), outputs[names["count"]].item())) if count else len(scores)
        rows, best, _classes = _best(names["scores"], scores[: round(valid)], least)
        return Boxes(boxes[rows][:, order], best, np.rint(classes[rows, 0]))

    return head


def _ssd_anchors(fields: Fields, manifest: Manifest) -> Head:
    """Offsets from anchors and a score for each class, perhaps the background among them."""
    names = _named(fields, manifest, boxes=_fours, scores=_any)
    levels = tuple(
        _level(Fields(entry, f"{fields.where}, anchors", fields.remedy))
        for entry in fields.items("anchors")
    )
    order = _AXES[fields.choice("box_order", ("xywh", "yxhw"), "xywh")]
    variances = fields.numbers("variances") if fields.has("variances") else (0.1, 0.2)
    linear = fields.choice("sizes", ("exponential", "linear"), "exponential") == "linear"
    activation = fields.choice("activation", ("softmax", "sigmoid", "none"), "softmax")
    background = fields.choice("background", ("first", "last", "none"), "first")
    real = {"first": slice(1, None), "last": slice(-1), "none": slice(None)}[background]

    def head(outputs: Outputs, size: tuple[int, int], least: float) -> Boxes:
        offsets, values = (
            outputs[names[role]].reshape(-1, outputs[names[role]].shape[-1])
            for role in ("boxes", "scores")
        )
        anchors = _cells(size, levels, 0.5, names["boxes"], len(offsets))
        if len(values) != len(anchors):
            raise _misfit(names["scores"], values.shape, f"{len(anchors)} boxes")
        if activation == "softmax":
            values = _softmax(values)
        limit = _logit(least) if activation == "sigmoid" else least
        rows, scores, classes = _best(names["scores"], values[:, real], limit)
        anchors, offsets = anchors[rows], offsets[rows][:, order]
        centers = offsets[:, :2] * np.float32(variances[0]) * anchors[:, 2:] + anchors[:, :2]
        sizes = offsets[:, 2:] * np.float32(variances[-1])
        sizes = (sizes if linear else np.exp(np.minimum(sizes, _LARGEST))) * anchors[:, 2:]
        scores = _sigmoid(scores) if activation == "sigmoid" else scores
        return Boxes(_edges(centers, sizes), scores, classes)

    return head


_HEADS: Mapping[str, tuple[Callable[[Fields, Manifest], Head], str, bool]] = MappingProxyType(
    {  # coordinates by default, empty where they are fixed; whether boxes may overlap
        "yolov5": (partial(_yolo, before=5), "pixels", True),
        "yolov8": (_yolov8, "pixels", True),
        "yolo11": (_yolov8, "pixels", True),
        "yolox": (partial(_yolo, before=5, grid=True), "", True),
        "yolo_end2end": (_end_to_end, "pixels", False),
        "ssd": (_ssd, "normalized", False),
        "ssd_anchors": (_ssd_anchors, "", True),
    }
)

_Level = tuple[float, tuple[tuple[float, float], ...]]
"""The stride of a map, and width and height of the anchors of each cell, in pixels."""


def _level(level: Fields) -> _Level:
    stride = level.numbers("stride")[0]
    if level.has("sizes"):
        sizes = [
            Fields({"sizes": pair}, level.where, level.remedy).numbers("sizes")
            for pair in level.items("sizes")
        ]
    else:
        roots = [abs(ratio) ** 0.5 for ratio in level.numbers("ratios", 1.0)]
        sizes = [(s * root, s / root) for s in level.numbers("scales") for root in roots if root]
    level.nothing_else()
    if stride < 1.0 or any(len(size) != 2 or min(size) <= 0.0 for size in sizes):
        raise level.fault("'stride' must be at least 1, and anchors have a width and a height")
    return stride, tuple((size[0], size[1]) for size in sizes)


@lru_cache(maxsize=8)
def _cells(
    size: tuple[int, int], levels: tuple[_Level, ...], middle: float, name: str, count: int
) -> np.ndarray:
    """Return x, y, width, height of every anchor, (*count*,4): by level, row, column, size."""
    parts = []
    for stride, sizes in levels:
        rows, columns = (int(-(-side // stride)) for side in size)
        grid = np.empty((rows, columns, len(sizes), 4), np.float32)
        grid[..., 0] = ((np.arange(columns) + middle) * (size[1] / columns))[:, np.newaxis]
        grid[..., 1] = ((np.arange(rows) + middle) * (size[0] / rows))[:, np.newaxis, np.newaxis]
        grid[..., 2:] = sizes
        parts.append(grid.reshape(-1, 4))
    cells = np.concatenate(parts)
    if len(cells) != count:
        raise _misfit(name, (count,), f"{len(cells)} boxes")
    return cells


def _any(spec: TensorSpec) -> bool:
    return not _single(spec)


def _fours(spec: TensorSpec) -> bool:
    return len(spec.shape) > 1 and spec.shape[-1] == 4


def _single(spec: TensorSpec) -> bool:
    return all(size == 1 for size in spec.shape)


def _named(
    fields: Fields, manifest: Manifest, **roles: Callable[[TensorSpec], bool]
) -> dict[str, str]:
    """Return the output of each role: by the option ``outputs``, by its name, or by its shape."""
    names = fields.text_table("outputs") if fields.has("outputs") else {}
    free = {spec.name: spec for spec in manifest.outputs}
    have = ", ".join(free)
    for role, name in names.items():
        if role not in roles or free.pop(name, None) is None:
            raise fields.fault(
                f"'outputs' names '{name}' as {role}; for {', '.join(roles)} there are {have}"
            )
    for hint in (3, 0):
        for role, fits in roles.items():
            fitting = [
                name for name, spec in free.items() if fits(spec) and role[:hint] in name.lower()
            ]
            if role not in names and fitting:
                names[role] = fitting[0]
                del free[fitting[0]]
    for role in roles:
        if role not in names:
            raise fields.fault(f"of {have} none is like {role}; say which under 'outputs'")
    return {role: names[role] for role in roles}


def _misfit(name: str, shape: tuple[int, ...], wanted: str) -> InputError:
    return InputError(
        f"The output '{name}' has the shape {shape}, and the head reads {wanted}.",
        "Make the bundle again with the head, labels and outputs of the model.",
    )


def _nan(what: str) -> InputError:
    return InputError(f"{what} hold NaN or infinity.", "Check the sample for values out of range.")


def _table(name: str, output: np.ndarray, before: int, classes: int) -> np.ndarray:
    """Return *output* as (boxes, *before* + *classes*), whichever way it lies.

    Without labels there are more boxes than values.
    """
    if output.ndim > 1 and output.size == output.shape[-1] * output.shape[-2]:
        rows, columns = output.shape[-2:]
        table = output.reshape(rows, columns)
        if columns == before + classes or (not classes and before < columns <= rows):
            return table
        if rows == before + classes or (not classes and before < rows):
            return table.T
    raise _misfit(name, output.shape, f"{before} + {classes or 'N'} values a box")


def _best(name: str, scores: np.ndarray, least: float) -> Boxes:
    """Return rows, score and class of those whose best score is above *least*."""
    best = scores.max(axis=1)
    if np.isnan(best.max(initial=0.0)):
        raise _nan(f"The scores of '{name}'")
    rows = np.flatnonzero(best > least)
    return Boxes(rows, best[rows], scores[rows].argmax(axis=1))


def _edges(centers: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    half = sizes * np.float32(0.5)
    return np.hstack([centers - half, centers + half])


def _softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    scores: np.ndarray = powers / powers.sum(axis=-1, keepdims=True)
    return scores


def _sigmoid(values: np.ndarray) -> np.ndarray:
    scores: np.ndarray = 1.0 / (1.0 + np.exp(-np.maximum(values, -60.0)))
    return scores


def _logit(score: float) -> float:
    with np.errstate(divide="ignore"):
        return float(np.log(score) - np.log1p(-score))
