"""Points: of heatmaps, of coordinates, and of boxes with points."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Optional

import numpy as np
import pytest

from edgeml_runtime.errors import InputError
from edgeml_runtime.manifest import Manifest
from edgeml_runtime.preprocess import Geometry
from edgeml_runtime.tasks import make_task
from edgeml_runtime.tasks.maps import Keypoints

LABELS = ("nose", "ear")
GEOMETRY = Geometry.identity(200, 400).scaled(50, 100).cut(-25, 0, 100, 100)
"""An image of 200 x 400 in the middle of an input of 100 x 100, a quarter of its size."""

ManifestMaker = Callable[..., Manifest]
Locate = Callable[..., Keypoints]


@pytest.fixture
def locate(make_manifest: ManifestMaker) -> Locate:
    """Return a call that makes points of an output."""

    def locate(
        output: Any,  # noqa: ANN401 - what numpy takes
        geometry: Optional[Geometry] = GEOMETRY,
        labels: tuple[str, ...] = LABELS,
        **options: Any,  # noqa: ANN401 - JSON
    ) -> Keypoints:
        manifest = make_manifest("keypoints", labels, **options)
        image = replace(manifest.inputs[0], shape=(1, 100, 100, 3), layout="NHWC")
        task = make_task(replace(manifest, inputs=(image,)))
        answer = task({"tensor": np.asarray(output, np.float32)}, geometry)
        assert isinstance(answer, Keypoints)
        return answer

    return locate


def _places(answer: Keypoints, pose: int = 0) -> list[tuple[float, float]]:
    return [(point.x, point.y) for point in answer.poses[pose].points]


def test_peaks_of_heatmaps_lie_in_the_image(locate: Locate) -> None:
    maps = np.zeros((1, 2, 20, 20))
    maps[0, 0, 10, 4], maps[0, 0, 10, 5] = 0.9, 0.5  # the larger neighbour is on the right
    maps[0, 1, 0, 19] = 0.75
    answer = locate(maps, refine="none")
    # 4.5 of 20 cells is 22.5 of 100 pixels, of which each is 4 of the image; 10.5 is 52.5, less 25
    assert _places(answer) == [(22.5 * 4, 27.5 * 4), (97.5 * 4, (2.5 - 25) * 4)]
    assert [point.score for point in answer.poses[0].points] == pytest.approx([0.9, 0.75])
    assert _places(locate(maps))[0] == (23.75 * 4, 27.5 * 4)
    assert _places(locate(maps, refine="none", cell=0))[0] == (20 * 4, 25 * 4)
    assert _places(locate(maps.transpose(0, 2, 3, 1))) == _places(locate(maps))


def test_soft_peaks_are_the_mean_place(locate: Locate) -> None:
    maps = np.full((1, 2, 11, 21), -50.0)
    maps[0, :, 4, 10] = maps[0, :, 4, 11] = 5.0
    answer = locate(maps, None, refine="soft")
    assert _places(answer)[0] == pytest.approx((11 / 21 * 100, 4.5 / 11 * 100))


@pytest.mark.parametrize(
    ("output", "options"),
    [
        ([[0.25, 0.5, 0.75, 1.0]], {}),
        ([[25, 50, 75, 100]], {}),
        ([[[25, 50], [75, 100]]], {"units": "pixels"}),
        ([[0.5, 0.25, 0.5, 1.0, 0.75, 0.25]], {"fields": "yxs"}),
        ([[[[0.5, 0.25, 0.5], [1.0, 0.75, 0.25]]]], {}),
        ([[0.25, 0.5, 9, 0, 0.75, 1.0, 7, 0]], {"fields": "xyz-", "units": "normalized"}),
    ],
)
def test_coordinates(locate: Locate, output: Any, options: dict[str, Any]) -> None:  # noqa: ANN401 - lists
    answer = locate(output, **options)
    assert _places(answer) == [(100, 100), (300, 300)]
    expected = {"yxs": [0.5, 0.25], "xyz-": [1, 1]}.get(options.get("fields", ""))
    if expected:
        assert [point.score for point in answer.poses[0].points] == expected
        assert [point.z for point in answer.poses[0].points] == (
            [9, 7] if "z" in options["fields"] else [None, None]
        )


def test_the_answer_as_json_and_as_text(locate: Locate) -> None:
    answer = locate([[[[0.5, 0.25, 0.5], [1.0, 0.75, 0.25]]]], skeleton=[[0, 1]])
    assert json.loads(json.dumps(answer.to_json())) == {
        "poses": [
            {
                "score": 0.375,
                "points": [
                    {"label": "nose", "x": 100.0, "y": 100.0, "score": 0.5, "z": None},
                    {"label": "ear", "x": 300.0, "y": 300.0, "score": 0.25, "z": None},
                ],
            }
        ],
        "skeleton": [[0, 1]],
    }
    assert answer.summary() == "pose 0.3750: nose 100,100, ear 300,300"
    (shape,) = answer.shapes()
    assert (list(shape.points), list(shape.lines)) == ([(100, 100), (300, 300)], [(0, 1)])


def _row(x: float, score: float) -> list[float]:
    return [x, 50, 20, 20, score, x, 50, 0.5, x + 5, 60, 0.25]


def test_boxes_with_points_that_overlap_are_one(locate: Locate) -> None:
    rows = [_row(30, 0.5), _row(31, 0.75), _row(70, 0.6), _row(50, 0.1)]
    rows += [_row(0, 0.0)] * 20
    answer = locate([rows], format="yolo")
    assert [_places(answer, pose)[0] for pose in (0, 1)] == [(124, 100), (280, 100)]
    assert len(answer.poses) == 2
    assert _places(locate(np.transpose([rows], (0, 2, 1)), format="yolo")) == _places(answer)
    assert len(locate([rows], format="yolo", overlap=1).poses) == 3
    assert locate([rows], format="yolo", threshold=0.9).poses == ()
    assert locate([rows], format="yolo", threshold=0.9).summary() == "no pose"


def test_points_have_numbers_where_there_are_no_labels(locate: Locate) -> None:
    answer = locate([[1, 2, 30, 40, 50, 60]], None, labels=())
    assert [point.label for point in answer.poses[0].points] == ["0", "1", "2"]
    assert _places(answer) == [(1, 2), (30, 40), (50, 60)]


def test_what_does_not_fit_is_refused(locate: Locate) -> None:
    with pytest.raises(InputError, match="2 points as there are labels"):
        locate(np.zeros((1, 3, 8, 8)))
    with pytest.raises(InputError, match=r"shape \(1, 5\), not rows of 'xy'"):
        locate(np.zeros((1, 5)))
    with pytest.raises(InputError, match=r"\(1, 7, 9\), not rows of 'xy'"):
        locate(np.zeros((1, 7, 9)))
    with pytest.raises(InputError, match="boxes with points"):
        locate(np.zeros((1, 90, 7)), format="yolo")
    with pytest.raises(InputError, match="NaN"):
        locate([[np.nan, 0, 0, 0]])
    with pytest.raises(InputError, match="'fields' is 'yy'"):
        locate([[0, 0, 0, 0]], fields="yy")
    with pytest.raises(InputError, match="'skeleton' is 2, and must be at most 1"):
        locate([[0, 0, 0, 0]], skeleton=[[0, 2]])
