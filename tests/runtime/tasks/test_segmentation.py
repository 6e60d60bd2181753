"""Masks: what is a class where, in the image that was given."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgeml_runtime.errors import InputError
from edgeml_runtime.manifest import Manifest
from edgeml_runtime.preprocess import Geometry, Pipeline
from edgeml_runtime.tasks import make_task
from edgeml_runtime.tasks.maps import Segmentation

LABELS = ("sky", "road", "tree")

ManifestMaker = Callable[..., Manifest]
Segment = Callable[..., Segmentation]


def _floats(values: Any) -> np.ndarray:  # noqa: ANN401 - what numpy takes
    return np.array(values, np.float32)


@pytest.fixture
def segment(make_manifest: ManifestMaker) -> Segment:
    """Return a call that makes a mask of an output."""

    def segment(
        output: Any,  # noqa: ANN401 - what numpy takes
        geometry: "Geometry | None" = None,
        labels: tuple[str, ...] = LABELS,
        **options: Any,  # noqa: ANN401 - JSON
    ) -> Segmentation:
        task = make_task(make_manifest("segmentation", labels, **options))
        answer = task({"tensor": np.asarray(output)}, geometry)
        assert isinstance(answer, Segmentation)
        return answer

    return segment


def _scores(mask: np.ndarray, classes: int = 3) -> np.ndarray:
    return _floats(mask == np.arange(classes)[:, np.newaxis, np.newaxis])[np.newaxis]


def test_the_best_class_of_each_pixel_with_its_share(segment: Segment) -> None:
    mask = np.array([[0, 0, 1], [1, 1, 1]])
    answer = segment(_scores(mask))
    assert answer.mask.dtype == np.uint8
    np.testing.assert_array_equal(answer.mask, mask)
    assert answer.shares == (("road", 1, 4 / 6), ("sky", 0, 2 / 6))
    assert answer.summary() == "road 66.7%, sky 33.3%"
    assert json.loads(json.dumps(answer.to_json())) == {
        "height": 2,
        "width": 3,
        "shares": [
            {"label": "road", "index": 1, "share": 4 / 6},
            {"label": "sky", "index": 0, "share": 2 / 6},
        ],
        "runs": [0, 2, 1, 4],
    }


def test_channels_may_be_last(segment: Segment) -> None:
    mask = np.random.default_rng(0).integers(0, 3, (5, 4))
    answer = segment(_scores(mask).transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(answer.mask, mask)


def test_a_map_of_classes_is_taken_as_it_is(segment: Segment) -> None:
    mask = np.array([[[0, 300], [7, 7]]])
    answer = segment(mask, labels=())
    assert answer.mask.dtype == np.uint16
    np.testing.assert_array_equal(answer.mask, mask[0])
    assert answer.shares[0] == ("7", 7, 0.5)


@pytest.mark.parametrize(
    ("values", "options"),
    [
        ([0.25, 0.75], {}),
        ([-3.0, 3.0], {}),
        ([0.75, 0.95], {"threshold": 0.9}),
        ([-3.0, -1.0], {"threshold": -2}),
    ],
)
def test_one_score_is_split_at_one_half_or_the_threshold(
    segment: Segment, values: list[float], options: dict[str, float]
) -> None:
    answer = segment(_floats([[[values]]]), labels=("person",), **options)
    np.testing.assert_array_equal(answer.mask, [[0, 1]])
    assert [label for label, _, _ in answer.shares] == ["background", "person"]


def test_the_border_of_a_letterbox_is_cut_off(segment: Segment) -> None:
    pipeline = Pipeline.from_json(
        {"schema": "edgeml.preprocess/1", "step": [{"op": "letterbox", "size": [8, 8]}]}
    )
    mask = np.full((8, 8), 2)  # the border, all tree
    mask[2:6, :4], mask[2:6, 4:] = 0, 1
    answer = segment(_scores(mask), pipeline.geometry(100, 200))
    assert answer.mask.shape == (100, 200)
    np.testing.assert_array_equal(answer.mask[:, :100], 0)
    np.testing.assert_array_equal(answer.mask[:, 100:], 1)


def test_what_was_cropped_away_is_of_no_class(segment: Segment) -> None:
    geometry = Geometry.identity(6, 6).cut(1, 2, 4, 3)
    answer = segment(_scores(np.ones((4, 3))), geometry)
    expected = np.full((6, 6), 255)
    expected[1:5, 2:5] = 1
    np.testing.assert_array_equal(answer.mask, expected)
    assert answer.shares == (("road", 1, 1.0),)


@pytest.mark.parametrize("size", [(5, 7), (31, 18), (64, 48)])
def test_scores_are_interpolated_as_opencv_does(segment: Segment, size: tuple[int, int]) -> None:
    cv2 = pytest.importorskip("cv2")
    scores = np.random.default_rng(1).normal(size=(1, 3, 9, 12)).astype(np.float32)
    geometry = Geometry.identity(*size).scaled(9, 12)
    wide = np.stack([cv2.resize(m, size[::-1], interpolation=cv2.INTER_LINEAR) for m in scores[0]])
    best = np.sort(wide, axis=0)
    clear = best[-1] - best[-2] > 1e-4
    found = segment(scores, geometry).mask
    np.testing.assert_array_equal(found[clear], wide.argmax(axis=0)[clear])
    nearest = segment(scores, geometry, upscale="nearest").mask
    assert (nearest != found).any()
    assert set(np.unique(nearest)) <= {0, 1, 2}


def test_runs_are_left_out_of_a_mask_of_noise(segment: Segment) -> None:
    noise = np.random.default_rng(0).integers(0, 3, (1, 300, 300))
    assert segment(noise).to_json()["runs"] is None
    calm = segment(np.zeros((1, 300, 300), int)).to_json()
    assert calm["runs"] == [0, 90_000]


def test_runs_spell_the_mask(segment: Segment) -> None:
    mask = np.random.default_rng(0).integers(0, 3, (20, 30)) // 2
    runs = np.array(segment(mask[np.newaxis]).to_json()["runs"])
    np.testing.assert_array_equal(np.repeat(runs[::2], runs[1::2]).reshape(20, 30), mask)


def test_what_is_no_map_of_the_labels_is_refused(segment: Segment) -> None:
    with pytest.raises(InputError, match=r"shape \(1, 3\), not maps of one image"):
        segment(np.zeros((1, 3)))
    with pytest.raises(InputError, match="maps of 3 classes as there are labels"):
        segment(np.zeros((1, 4, 8, 8), np.float32))
    with pytest.raises(InputError, match="NaN"):
        segment(np.full((1, 3, 2, 2), np.nan))
    with pytest.raises(InputError, match="'upscale' is 'cubic'"):
        segment(np.zeros((1, 3, 2, 2)), upscale="cubic")


def test_the_manifest_says_where_channels_are(make_manifest: ManifestMaker) -> None:
    manifest = make_manifest("segmentation")
    tensor = replace(manifest.outputs[0], shape=(1, 2, 2, 8), layout="NCHW")
    task = make_task(replace(manifest, outputs=(tensor,)))
    answer = task({"tensor": np.zeros((1, 2, 2, 8), np.float32)})
    assert isinstance(answer, Segmentation)
    assert answer.mask.shape == (2, 8)


def test_classes_are_drawn_as_tints(segment: Segment) -> None:
    mask = np.array([[0, 1], [1, 2]])
    shapes = segment(_scores(mask)).shapes()
    assert [(shape.color, shape.text) for shape in shapes] == [(1, "road 50%"), (2, "tree 25%")]
    assert shapes[0].mask is not None
    np.testing.assert_array_equal(shapes[0].mask, mask == 1)
