"""What detections are, and which of them stay."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgeml_runtime.errors import InputError
from edgeml_runtime.manifest import Manifest
from edgeml_runtime.preprocess import Geometry
from edgeml_runtime.tasks import make_task
from edgeml_runtime.tasks.detection import Detection, Detections

LABELS = ("ant", "bee")
ROWS = np.array(
    [
        [10, 10, 20, 20, 0.9, 0.1],
        [10, 10, 20, 20, 0.2, 0.8],
        [11, 10, 20, 20, 0.7, 0.0],
        [40, 40, 10, 10, 0.3, 0.0],
        [60, 60, 10, 10, 0.25, 0.2],
        [-50, 10, 20, 20, 0.6, 0.0],
    ]
)
Detect = Callable[..., Detections]


@pytest.fixture
def detect(make_manifest: Callable[..., Manifest]) -> Detect:
    """Return a call that makes an answer of rows of YOLOv8, with options."""

    def detect(rows: Any = ROWS, labels: tuple[str, ...] = LABELS, **options: Any) -> Detections:  # noqa: ANN401
        task = make_task(make_manifest("detection", labels, head="yolov8", **options))
        outputs = {"tensor": np.asarray(rows, np.float32)[np.newaxis]}
        answer = task(outputs, Geometry.identity(48, 64))
        assert isinstance(answer, Detections)
        return answer

    return detect


def test_the_best_of_each_place_and_class_stays_within_the_image(detect: Detect) -> None:
    answer = detect()
    assert [item.label for item in answer] == ["ant", "bee", "ant"]
    assert [item.score for item in answer] == pytest.approx([0.9, 0.8, 0.3])
    assert [item.box for item in answer] == [(0, 0, 20, 20), (0, 0, 20, 20), (35, 35, 45, 45)]
    assert len(answer) == 3


def test_options_say_what_stays(detect: Detect) -> None:
    assert [item.label for item in detect(class_agnostic=True)] == ["ant", "ant"]
    assert len(detect(iou_threshold=0.95)) == 4
    assert len(detect(max_detections=2)) == 2
    assert [item.label for item in detect(max_candidates=2)] == ["ant", "bee"]
    assert len(detect(score_threshold=0.5)) == 2
    assert len(detect(score_threshold=1)) == 0
    assert len(detect(score_threshold=0)) == 3  # the box at (60, 60) is below the image


def test_an_answer_in_words_and_json(detect: Detect) -> None:
    answer = detect(score_threshold=0.85)
    assert answer.summary() == "ant 0.9000 at 0,0,20,20"
    document = json.loads(json.dumps(answer.to_json()))
    assert document == {
        "detections": [
            {"label": "ant", "index": 0, "score": pytest.approx(0.9), "box": [0, 0, 20, 20]}
        ]
    }
    shape = answer.shapes()[0]
    assert (shape.color, shape.text, shape.box) == (0, "ant 0.90", (0, 0, 20, 20))


def test_nothing_found_is_an_answer(detect: Detect) -> None:
    answer = detect(ROWS * [1, 1, 1, 1, 0, 0])
    assert (len(answer), answer.summary(), answer.shapes()) == (0, "nothing", [])
    assert json.dumps(answer.to_json()) == '{"detections": []}'


def test_a_class_beyond_the_labels_is_shown_by_number(
    make_manifest: Callable[..., Manifest],
) -> None:
    task = make_task(make_manifest("detection", LABELS, head="yolo_end2end"))
    answer = task({"tensor": np.array([[[1, 2, 3, 4, 0.5, 7]]])}, Geometry.identity(9, 9))
    assert answer.to_json()["detections"][0]["label"] == "7"


def test_boxes_are_values() -> None:
    item = Detection("ant", 0, 0.5, (0.0, 0.0, 1.0, 1.0))
    assert Detections((item,)) == Detections((Detection("ant", 0, 0.5, (0.0, 0.0, 1.0, 1.0)),))


def test_rows_of_another_length_are_refused(detect: Detect) -> None:
    with pytest.raises(InputError, match=r"shape \(1, 6, 6\), and the head reads 4 \+ 3"):
        detect(labels=("ant", "bee", "cat"))
