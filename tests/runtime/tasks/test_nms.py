"""Non-maximum suppression beside its definition, OpenCV and torchvision."""

import numpy as np
import pytest

from edgeml_runtime.tasks.detection import suppress

pytest.importorskip("hypothesis")
import hypothesis
from hypothesis import strategies as st

LENGTHS = st.sampled_from([0, 1, 2, 7, 63, 64, 65, 130, 700])
RATIOS = st.sampled_from([0.25, 0.3, 0.45, 0.5, 0.7, 1.0])


def scene(seed: int, count: int, classes: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return boxes with whole edges in clusters, scores with ties, and classes."""
    random = np.random.default_rng(seed)
    corners = random.integers(0, 12, (count, 2)) + 40 * random.integers(0, 4, (count, 2))
    sizes = random.integers(0, 30, (count, 2))
    boxes = np.concatenate([corners, corners + sizes], axis=1).astype(np.float32)
    scores = random.integers(1, 50, count).astype(np.float32) / 64
    return boxes, scores, random.integers(0, classes, count)


def defined(boxes: np.ndarray, scores: np.ndarray, ratio: float, classes: np.ndarray) -> list[int]:
    """Return what stays, straight from the definition, in exact arithmetic."""
    kept: list[int] = []
    for index in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        if not any(
            classes[index] == classes[other] and _overlap(boxes[index], boxes[other]) > ratio
            for other in kept
        ):
            kept.append(index)
    return kept


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = float(max(width, 0) * max(height, 0))
    both = float((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])) - shared
    return shared / both if both else 0.0


@hypothesis.given(st.integers(0, 2**32 - 1), LENGTHS, RATIOS, st.sampled_from([1, 3]))
@hypothesis.settings(max_examples=60, deadline=None)
def test_what_stays_is_what_the_definition_says(
    seed: int, count: int, ratio: float, classes: int
) -> None:
    boxes, scores, numbers = scene(seed, count, classes)
    expected = defined(boxes, scores, ratio, numbers)
    assert suppress(boxes, scores, ratio, numbers).tolist() == expected
    assert suppress(boxes, scores, ratio, numbers, 5).tolist() == expected[:5]
    if classes == 1:
        assert suppress(boxes, scores, ratio).tolist() == expected


@pytest.mark.parametrize("limit", [None, 300])
def test_many_boxes_of_many_classes_are_done_class_by_class(limit: int) -> None:
    boxes, scores, numbers = scene(0, 3000, 7)
    expected = defined(boxes, scores, 0.45, numbers)
    assert suppress(boxes, scores, 0.45, numbers, limit).tolist() == expected[:limit]


@hypothesis.given(st.integers(0, 2**32 - 1), LENGTHS, st.sampled_from([0.3, 0.45, 0.7]))
@hypothesis.settings(max_examples=30, deadline=None)
def test_opencv_keeps_the_same(seed: int, count: int, ratio: float) -> None:
    cv2 = pytest.importorskip("cv2")
    boxes, scores, _ = scene(seed, count)
    boxes[:, 2:] += 1.0  # OpenCV takes two empty boxes for the same
    sized = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxes(sized.tolist(), scores.tolist(), 0.0, ratio)
    assert suppress(boxes, scores, ratio).tolist() == list(kept)


@hypothesis.given(st.integers(0, 2**32 - 1), LENGTHS)
@hypothesis.settings(max_examples=30, deadline=None)
def test_torchvision_keeps_the_same(seed: int, count: int) -> None:
    torch = pytest.importorskip("torch")
    operators = pytest.importorskip("torchvision").ops
    boxes, scores, _ = scene(seed, count)
    scores = scores + np.arange(count, 0, -1, dtype=np.float32) / 2**16
    kept = operators.nms(torch.from_numpy(boxes), torch.from_numpy(scores), 0.45)
    assert suppress(boxes, scores, 0.45).tolist() == kept.tolist()


def test_a_box_outside_in_and_without_area_suppresses_nothing() -> None:
    boxes = np.array([[9, 9, 1, 1], [5, 5, 5, 5], [5, 5, 5, 5], [0, 0, 10, 10]], np.float32)
    assert suppress(boxes, np.ones(4, np.float32), 0.0).tolist() == [0, 1, 2, 3]


def test_half_is_not_more_than_half() -> None:
    boxes = np.array([[0, 0, 2, 1], [0, 0, 1, 1]], np.float32)
    scores = np.ones(2, np.float32)
    assert suppress(boxes, scores, 0.5).tolist() == [0, 1]
    assert suppress(boxes, scores, 0.49).tolist() == [0]
