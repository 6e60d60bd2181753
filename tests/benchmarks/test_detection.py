"""The scores and cases of the detection benchmarks."""

import numpy as np
import pytest

from benchmarks.detection.precision import mean_average_precision, overlap
from benchmarks.nms import CASES, THRESHOLD, Case, boxes_of, opencv, opencv_lists, ours

BOX = (0.0, 0.0, 10.0, 10.0)
FAR = (50.0, 50.0, 60.0, 60.0)


def test_all_found_is_one_and_nothing_is_zero() -> None:
    truth = [[("ant", 1.0, BOX), ("bee", 1.0, FAR)]]
    assert mean_average_precision(truth, truth) == 1.0
    assert mean_average_precision([[]], truth) == 0.0


def test_a_false_box_before_a_right_one_halves_the_precision() -> None:
    truth = [[("ant", 1.0, BOX)]]
    assert mean_average_precision([[("ant", 0.9, FAR), ("ant", 0.8, BOX)]], truth) == 0.5
    assert mean_average_precision([[("ant", 0.9, BOX), ("ant", 0.8, FAR)]], truth) == 1.0
    assert mean_average_precision([[("bee", 0.9, BOX)]], truth) == 0.0


def test_a_thing_is_found_once_only_and_on_its_photo() -> None:
    truth = [[("ant", 1.0, BOX)], [("ant", 1.0, BOX)]]
    twice = [[("ant", 0.9, BOX), ("ant", 0.8, BOX)], []]
    assert mean_average_precision(twice, truth) == 0.5


def test_overlap_is_shared_over_covered() -> None:
    assert overlap(BOX, BOX) == 1.0
    assert overlap(BOX, FAR) == 0.0
    assert overlap(BOX, (0.0, 0.0, 5.0, 10.0)) == 0.5


@pytest.mark.parametrize("case", CASES[:2], ids=lambda case: case.title)
def test_ours_and_opencv_keep_the_same_of_a_case(case: Case) -> None:
    ltrb, scores, classes = boxes_of(case)
    ltwh = np.hstack([ltrb[:, :2], ltrb[:, 2:] - ltrb[:, :2]])
    assert int((scores > THRESHOLD).sum()) == case.above
    kept = ours(ltrb, scores, classes, apart=False)().tolist()
    assert kept == opencv(ltwh, scores, classes, apart=False)().tolist()
    assert kept == opencv_lists(ltwh, scores, classes, apart=False)().tolist()
