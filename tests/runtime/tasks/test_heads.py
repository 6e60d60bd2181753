"""Known boxes written as each head would write them come back as they were."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgeml_runtime.errors import InputError
from edgeml_runtime.manifest import Manifest
from edgeml_runtime.preprocess import Geometry, Pipeline
from edgeml_runtime.tasks import make_task
from edgeml_runtime.tasks.detection import Detections
from edgeml_runtime.tensors import TensorSpec

pytest.importorskip("hypothesis")
import hypothesis
from hypothesis import strategies as st

SIZE = 64  # of the input
LABELS = ("ant", "bee", "cat")
STRIDES = (8, 16, 32)
CELLS = sum((SIZE // stride) ** 2 for stride in STRIDES)
ANCHORS = [
    {"stride": 8, "sizes": [[12, 12]]},
    {"stride": 16, "scales": [24], "ratios": [1, 2]},
]
ANCHOR_COUNT = 8 * 8 + 4 * 4 * 2

ManifestMaker = Callable[..., Manifest]
Outputs = dict[str, np.ndarray]


class Truth:
    """Boxes that do not touch, as center, size, class and score, on the model's input."""

    def __init__(self, seed: int, count: int) -> None:
        random = np.random.default_rng(seed)
        places = random.permutation(16)[:count]
        self.centers = np.stack([places % 4, places // 4], axis=1) * 16.0 + 8.0
        self.centers += random.uniform(-1.5, 1.5, (count, 2))
        self.sizes = random.uniform(8.2, 12.8, (count, 2))
        self.classes = random.integers(0, 3, count)
        self.scores = np.sort(random.uniform(0.4, 0.95, count))[::-1]
        self.rows = random.permutation(16)[:count] * 4

    @property
    def edges(self) -> np.ndarray:
        return np.hstack([self.centers - self.sizes / 2, self.centers + self.sizes / 2])

    def by_class(self, rows: int, off: float, on: Callable[[Any], Any]) -> np.ndarray:
        """Return (rows, 3) scores: *on* of the score for the class of each box, else *off*."""
        table = np.full((rows, 3), off)
        table[self.rows, self.classes] = on(self.scores)
        return table


def _batch(**outputs: np.ndarray) -> Outputs:
    return {name: array.astype(np.float32)[np.newaxis] for name, array in outputs.items()}


def yolov8(truth: Truth) -> Outputs:
    table = np.zeros((CELLS, 7))
    table[truth.rows, :4] = np.hstack([truth.centers, truth.sizes])
    table[:, 4:] = truth.by_class(CELLS, 0.0, np.asarray)
    return _batch(found=table.T)


def yolov8_normalized(truth: Truth) -> Outputs:
    (table,) = yolov8(truth).values()
    table[0, :4] /= SIZE
    return {"found": table.transpose(0, 2, 1)}


def yolov5(truth: Truth) -> Outputs:
    table = np.zeros((CELLS, 8))
    table[truth.rows, :4] = np.hstack([truth.centers, truth.sizes])
    table[truth.rows, 4] = np.sqrt(truth.scores)
    table[:, 5:] = truth.by_class(CELLS, 0.0, np.sqrt)
    return _batch(found=table)


def _cells() -> np.ndarray:
    return np.array(
        [
            (column, row, stride)
            for stride in STRIDES
            for row in range(SIZE // stride)
            for column in range(SIZE // stride)
        ]
    )


def yolox(truth: Truth) -> Outputs:
    (table,) = yolov5(truth).values()
    cell = _cells()[truth.rows]
    table[0, truth.rows, :2] = truth.centers / cell[:, 2:] - cell[:, :2]
    table[0, truth.rows, 2:4] = np.log(truth.sizes / cell[:, 2:])
    return {"found": table}


def yolov8_maps(truth: Truth) -> Outputs:
    """Distances as two neighbouring bins; each box at the cell of stride 8 that it lies in."""
    cells = SIZE // 8
    maps = np.full((67, cells, cells), -30.0)
    for center, edges, number, score in zip(
        truth.centers, truth.edges, truth.classes, truth.scores
    ):
        column, row = (int(value // 8) for value in center)
        middle = np.array([column + 0.5, row + 0.5])
        distances = np.concatenate([middle - edges[:2] / 8, edges[2:] / 8 - middle])
        for side, distance in enumerate(distances):
            low = int(distance)
            part = distance - low
            maps[side * 16 + low, row, column] = np.log(max(1 - part, 1e-9))
            maps[side * 16 + low + 1, row, column] = np.log(max(part, 1e-9))
        maps[64 + number, row, column] = np.log(score / (1 - score))
    empty = {name: np.full((67, size, size), -30.0) for name, size in (("b", 4), ("c", 2))}
    return _batch(a=maps, **empty)


def yolov8_maps_last(truth: Truth) -> Outputs:
    return {name: maps.transpose(0, 2, 3, 1) for name, maps in yolov8_maps(truth).items()}


def yolo_end2end(truth: Truth) -> Outputs:
    table = np.zeros((20, 6))
    found = np.column_stack([truth.edges, truth.scores, truth.classes])
    table[: len(found)] = found
    return _batch(found=table)


def ssd(truth: Truth) -> Outputs:
    count = len(truth.scores)
    boxes, classes, scores = np.ones((20, 4)), np.ones(20), np.ones(20)
    boxes[:count] = truth.edges[:, [1, 0, 3, 2]] / SIZE
    classes[:count], scores[:count] = truth.classes, truth.scores
    outputs = _batch(a=boxes, b=classes, c=scores)
    return {**outputs, "d": np.array([count], np.float32)}


def ssd_unordered(truth: Truth) -> Outputs:
    boxes, classes, scores, count = ssd(truth).values()
    return {"num": count, "scores": scores, "labels": classes, "boxes": boxes}


def torchvision(truth: Truth) -> Outputs:
    return {
        "boxes": truth.edges.astype(np.float32),
        "labels": truth.classes.copy(),
        "scores": truth.scores.astype(np.float32),
    }


def _anchors() -> np.ndarray:
    small = [(x * 8 + 4, y * 8 + 4, 12, 12) for y in range(8) for x in range(8)]
    root = 2**0.5
    large = [
        (x * 16 + 8, y * 16 + 8, width, height)
        for y in range(4)
        for x in range(4)
        for width, height in ((24, 24), (24 * root, 24 / root))
    ]
    return np.array([*small, *large])


def ssd_anchors(truth: Truth) -> Outputs:
    anchors = _anchors()[truth.rows]
    offsets = np.zeros((ANCHOR_COUNT, 4))
    offsets[truth.rows, :2] = (truth.centers - anchors[:, :2]) / anchors[:, 2:] / 0.1
    offsets[truth.rows, 2:] = np.log(truth.sizes / anchors[:, 2:]) / 0.2
    logits = np.full((ANCHOR_COUNT, 4), -30.0)
    logits[:, 0] = 0.0
    logits[:, 1:] = truth.by_class(ANCHOR_COUNT, -30.0, lambda score: np.log(score / (1 - score)))
    return _batch(offsets=offsets, scores=logits)


def ssd_anchors_linear(truth: Truth) -> Outputs:
    anchors = _anchors()[truth.rows]
    offsets = np.zeros((ANCHOR_COUNT, 4))
    offsets[truth.rows, 1::-1] = (truth.centers - anchors[:, :2]) / anchors[:, 2:] * 128
    offsets[truth.rows, 3:1:-1] = truth.sizes / anchors[:, 2:] * 128
    logits = truth.by_class(ANCHOR_COUNT, -100.0, lambda score: np.log(score / (1 - score)))
    return _batch(offsets=offsets, scores=logits)


HEADS: Mapping[str, tuple[Callable[[Truth], Outputs], dict[str, Any]]] = {
    "yolov5": (yolov5, {"head": "yolov5"}),
    "yolov8": (yolov8, {"head": "yolov8"}),
    "yolov8, rows first, normalized": (
        yolov8_normalized,
        {"head": "yolo11", "coordinates": "normalized"},
    ),
    "yolov8, maps": (yolov8_maps, {"head": "yolov8"}),
    "yolov8, maps with channels last": (yolov8_maps_last, {"head": "yolov8"}),
    "yolox": (yolox, {"head": "yolox"}),
    "yolo_end2end": (yolo_end2end, {"head": "yolo_end2end"}),
    "ssd": (ssd, {"head": "ssd"}),
    "ssd, names out of order": (ssd_unordered, {"head": "ssd", "outputs": {"classes": "labels"}}),
    "ssd of torchvision": (
        torchvision,
        {"head": "ssd", "box_order": "xyxy", "coordinates": "pixels"},
    ),
    "ssd_anchors": (ssd_anchors, {"head": "ssd_anchors", "anchors": ANCHORS}),
    "ssd_anchors, linear and sigmoid": (
        ssd_anchors_linear,
        {
            "head": "ssd_anchors",
            "anchors": ANCHORS,
            "variances": [1 / 128, 1 / 128],
            "box_order": "yxhw",
            "sizes": "linear",
            "activation": "sigmoid",
            "background": "none",
        },
    ),
}


def detector(
    make_manifest: ManifestMaker,
    outputs: Mapping[str, np.ndarray],
    options: Mapping[str, Any],
    labels: tuple[str, ...] = LABELS,
    layout: str = "",
) -> Callable[..., Detections]:
    """Return the task for a model with such outputs and an input of SIZE."""
    manifest = replace(
        make_manifest("detection", labels, **options),
        inputs=(TensorSpec("image", (1, 3, SIZE, SIZE), "float32", "NCHW"),),
        outputs=tuple(
            TensorSpec(name, array.shape, "float32", layout) for name, array in outputs.items()
        ),
    )
    task: Any = make_task(manifest)
    return task  # type: ignore[no-any-return] # Detector, by the task's name


@pytest.mark.parametrize("name", HEADS)
@hypothesis.given(st.integers(0, 2**32 - 1), st.integers(0, 12))
@hypothesis.settings(max_examples=15, deadline=None)
def test_boxes_come_back(make_manifest: ManifestMaker, name: str, seed: int, count: int) -> None:
    write, options = HEADS[name]
    truth = Truth(seed, count)
    outputs = write(truth)
    layout = "NHWC" if name.endswith("last") else ""
    task = detector(make_manifest, outputs, options, layout=layout)
    answer = task(outputs)
    assert [item.index for item in answer] == truth.classes.tolist()
    assert [item.label for item in answer] == [LABELS[index] for index in truth.classes]
    assert [item.score for item in answer] == pytest.approx(truth.scores, abs=1e-5)
    for item, edges in zip(answer, truth.edges):
        assert item.box == pytest.approx(edges, abs=2e-3)


@hypothesis.given(st.integers(0, 2**32 - 1), st.integers(40, 500), st.integers(40, 500))
@hypothesis.settings(max_examples=15, deadline=None)
def test_boxes_lie_on_the_image_that_was_letterboxed(
    make_manifest: ManifestMaker, seed: int, height: int, width: int
) -> None:
    truth = Truth(seed, 6)
    outputs = yolov8(truth)
    pipeline = Pipeline.from_json(
        {
            "schema": "edgeml.preprocess/1",
            "step": [{"op": "letterbox", "size": [SIZE, SIZE]}, {"op": "layout", "to": "NCHW"}],
        }
    )
    answer = detector(make_manifest, outputs, {"head": "yolov8"})(
        outputs, pipeline.geometry(height, width)
    )
    scale = min(SIZE / height, SIZE / width)
    border = [(SIZE - round(side * scale)) // 2 for side in (width, height)] * 2
    sides = np.array([width, height] * 2)
    inner = np.array([max(1, round(side * scale)) for side in (width, height)] * 2)
    boxes = np.clip((truth.edges - border) * sides / inner, 0, sides)
    inside = [box for box in boxes if box[0] < box[2] and box[1] < box[3]]
    assert len(answer) == len(inside)
    for item, box in zip(answer, inside):
        assert item.box == pytest.approx(box, abs=0.02)


def test_without_labels_there_are_more_boxes_than_values(make_manifest: ManifestMaker) -> None:
    truth = Truth(1, 3)
    for write, head in ((yolov8, "yolov8"), (yolov5, "yolov5"), (yolov8_maps, "yolov8")):
        outputs = write(truth)
        answer = detector(make_manifest, outputs, {"head": head}, ())(outputs)
        assert [item.label for item in answer] == [str(index) for index in truth.classes]


def test_a_geometry_decides_where_the_input_has_no_fixed_size(
    make_manifest: ManifestMaker,
) -> None:
    outputs = yolov8_normalized(Truth(0, 1))
    manifest = replace(
        make_manifest("detection", LABELS, head="yolov8", coordinates="normalized"),
        outputs=(TensorSpec("found", (1, None, 7), "float32"),),
        inputs=(TensorSpec("image", (1, None, None, 3), "float32", "NHWC"),),
    )
    task: Any = make_task(manifest)
    (item,) = task(outputs, Geometry.identity(SIZE, SIZE))
    assert item.box == pytest.approx(Truth(0, 1).edges[0], abs=1e-3)
    with pytest.raises(InputError, match="size of the model's input is free"):
        task(outputs)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "'head' is missing"),
        ({"head": "yolov9000"}, "must be one of yolov5, yolov8"),
        (
            {"head": "yolov8", "score_threshold": 1.5},
            "'score_threshold' is 1.5, and must be ",
        ),
        ({"head": "yolov8", "class_agnostic": 1}, "'class_agnostic' is 1, and must be true or fal"),
        ({"head": "yolov8", "max_detections": 0}, "'max_detections' is 0, and must be at least 1"),
        ({"head": "yolov8", "anchors": []}, "there is no key 'anchors' here; allowed are class_ag"),
        ({"head": "yolox", "coordinates": "pixels"}, "there is no key 'coordinates'"),
        ({"head": "yolov8", "outputs": {"boxes": "x"}}, "'outputs' names 'x' as boxes"),
        ({"head": "yolov8", "outputs": {"count": "found"}}, "'outputs' names 'found' as count"),
        ({"head": "ssd"}, "of found none is like boxes"),
        ({"head": "ssd_anchors", "outputs": {"boxes": "found"}, "anchors": []}, "none is like sco"),
    ],
)
def test_wrong_options_are_worded(
    make_manifest: ManifestMaker, options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InputError, match=problem):
        detector(make_manifest, yolov8(Truth(0, 1)), options)


@pytest.mark.parametrize(
    ("level", "problem"),
    [
        ({"sizes": [[1, 2]]}, "'stride' is missing"),
        ({"stride": 0, "sizes": [[1, 2]]}, "'stride' must be at least 1"),
        ({"stride": 8, "sizes": [[1, 2, 3]]}, "a width and a height"),
        ({"stride": 8, "sizes": [[1, -2]]}, "a width and a height"),
        ({"stride": 8}, "'scales' is missing"),
        ({"stride": 8, "sizes": [[1, 2]], "scales": [1]}, "no key 'scales'"),
    ],
)
def test_wrong_anchors_are_worded(
    make_manifest: ManifestMaker, level: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InputError, match=problem):
        detector(
            make_manifest, ssd_anchors(Truth(0, 1)), {"head": "ssd_anchors", "anchors": [level]}
        )


@pytest.mark.parametrize(
    ("head", "shape", "wanted"),
    [
        ("yolov8", (1, 9, 84), r"4 \+ 3 values a box"),
        ("yolov5", (2, 84, 8), r"5 \+ 3 values a box"),
        ("yolox", (1, 83, 8), "84 boxes"),
        ("yolo_end2end", (1, 300, 7), r"5 \+ 1 values a box"),
        ("yolov8", (1, 66, 8, 8), r"maps of 64 \+ 3 channels"),
    ],
)
def test_outputs_of_another_head_are_refused(
    make_manifest: ManifestMaker, head: str, shape: tuple[int, ...], wanted: str
) -> None:
    outputs = {"found": np.ones(shape, np.float32)}
    with pytest.raises(InputError, match=f"'found' has the shape .* reads {wanted}"):
        detector(make_manifest, outputs, {"head": head})(outputs)


@pytest.mark.parametrize(("rows", "counted"), [(95, "96 boxes"), (97, "96 boxes")])
def test_anchors_must_be_as_many_as_the_boxes(
    make_manifest: ManifestMaker, rows: int, counted: str
) -> None:
    outputs = _batch(offsets=np.zeros((rows, 4)), scores=np.zeros((rows, 7)))
    task = detector(make_manifest, outputs, {"head": "ssd_anchors", "anchors": ANCHORS})
    with pytest.raises(InputError, match=counted):
        task(outputs)


@pytest.mark.parametrize("name", HEADS)
def test_nan_in_scores_and_boxes_is_an_error(make_manifest: ManifestMaker, name: str) -> None:
    write, options = HEADS[name]
    layout = "NHWC" if name.endswith("last") else ""
    for value in (np.nan, np.inf):
        outputs = {key: array * 1.0 for key, array in write(Truth(3, 5)).items()}
        for key, array in outputs.items():
            outputs[key] = np.where(array != 0, value, array)
        with pytest.raises(InputError, match="NaN"), np.errstate(invalid="ignore"):
            detector(make_manifest, outputs, options, layout=layout)(outputs)
