"""The steps that move pixels: their sizes, and where a mark in the image appears in the input."""

from typing import Any

import numpy as np
import pytest

from edgeml_runtime.errors import InputError
from edgeml_runtime.preprocess import Pipeline

pytest.importorskip("hypothesis")
import hypothesis
from hypothesis import strategies as st

SCHEMA = "edgeml.preprocess/1"


def _chain(*steps: dict[str, Any]) -> Pipeline:
    return Pipeline.from_json({"schema": SCHEMA, "step": list(steps)})


@pytest.mark.parametrize(
    ("keys", "image", "expected"),
    [
        ({"shorter_side": 224}, (1080, 1920), (224, 398)),  # torchvision: int(224 * 1920 / 1080)
        ({"shorter_side": 800, "longer_side": 1333}, (480, 640), (800, 1066)),
        ({"shorter_side": 800, "longer_side": 1333}, (640, 1920), (444, 1333)),  # max_size
        ({"longer_side": 1024, "rounding": "nearest"}, (333, 500), (682, 1024)),
        ({"height": 48, "max_width": 320, "rounding": "up"}, (31, 100), (48, 155)),
        ({"height": 48, "max_width": 320}, (10, 100), (48, 320)),
        ({"height": 48}, (300, 1), (48, 1)),
    ],
)
def test_resize_by_sides(
    keys: dict[str, Any], image: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert _chain({"op": "resize", **keys})(np.zeros((*image, 1), np.uint8)).shape[1:3] == expected


@pytest.mark.parametrize(
    ("keys", "top", "left", "inner"),
    [
        ({}, 8, 0, (16, 32)),
        ({"align": "top-left"}, 0, 0, (16, 32)),
        ({"scale_up": False}, 11, 6, (10, 20)),
        ({"scale_up": False, "align": "top-left"}, 0, 0, (10, 20)),
    ],
)
def test_letterbox_places(
    keys: dict[str, Any], top: int, left: int, inner: tuple[int, int]
) -> None:
    step = {"op": "letterbox", "size": [32, 32], "fill": 0, **keys}
    boxed = _chain(step)(np.full((10, 20, 1), 9, np.uint8))[0, :, :, 0]
    expected = np.zeros((32, 32))
    expected[top : top + inner[0], left : left + inner[1]] = 9
    np.testing.assert_array_equal(boxed, expected)


def test_letterbox_rounds_the_inner_size_as_told() -> None:
    image = np.full((29, 58, 1), 9, np.uint8)  # 32 / 58 of 29 is 16; of (30, 58) it is 16.55
    for rounding, height in (("down", 16), ("nearest", 17), ("up", 17)):
        step = {"op": "letterbox", "size": [32, 32], "fill": 0, "rounding": rounding}
        boxed = _chain(step)(np.full((30, 58, 1), 9, np.uint8))
        assert int((boxed > 0).any(axis=2).sum()) == height
    assert _chain({"op": "letterbox", "size": [32, 32]})(image).shape == (1, 32, 32, 1)


def test_pad_to_a_size_and_to_multiples() -> None:
    image = np.full((5, 7, 3), 9, np.uint8)
    to_size = _chain({"op": "pad", "size": [6, 10]})(image)[0]
    assert to_size.shape == (6, 10, 3)
    assert (to_size[:5, :7] == 9).all()
    assert to_size.sum() == image.sum()
    centered = _chain({"op": "pad", "size": [7, 10], "align": "center"})(image)[0]
    assert (centered[1:6, 1:8] == 9).all()
    assert _chain({"op": "pad", "multiple": [4, 32]})(image).shape == (1, 8, 32, 3)
    assert _chain({"op": "pad", "multiple": [5, 7]})(image).shape == (1, 5, 7, 3)
    with pytest.raises(InputError, match=r"5x7 pixels, and its 'size' is 4x9"):
        _chain({"op": "pad", "size": [4, 9]})(image)


def test_crops() -> None:
    image = np.arange(99, dtype=np.uint8).reshape(9, 11, 1)
    fixed = _chain({"op": "crop", "place": [2, 3], "size": [4, 5]})(image)[0]
    np.testing.assert_array_equal(fixed, image[2:6, 3:8])
    with pytest.raises(InputError, match=r"9x11 pixels.*4x5 out of it at 6, 0"):
        _chain({"op": "crop", "place": [6, 0], "size": [4, 5]})(image)
    # As tf.image.central_crop: the whole part of a quarter of 9, and of 11, is cut off each side.
    half = _chain({"op": "center_crop", "fraction": 0.5})(image)[0]
    np.testing.assert_array_equal(half, image[2:7, 2:9])
    # As torchvision: half of a margin of 3 is rounded to the even 2.
    rounded = _chain({"op": "center_crop", "size": [6, 6], "rounding": "nearest"})(image)[0]
    np.testing.assert_array_equal(rounded, image[2:8, 2:8])


SIDE = st.integers(24, 160)
STEPS = st.sampled_from(
    [
        {"op": "resize", "size": [90, 70]},
        {"op": "resize", "size": [50, 60], "interpolation": "bicubic", "like": "pil"},
        {"op": "resize", "shorter_side": 64, "like": "tensorflow1"},
        {"op": "resize", "height": 48, "max_width": 100, "rounding": "up"},
        {"op": "crop", "place": [3, 5], "size": [20, 18]},
        {"op": "center_crop", "fraction": 0.8},
        {"op": "center_crop", "size": [21, 23], "rounding": "nearest"},
        {"op": "letterbox", "size": [96, 80]},
        {"op": "letterbox", "size": [96, 80], "align": "top-left", "scale_up": False},
        {"op": "pad", "multiple": [32, 32], "align": "center"},
        {"op": "pad", "amounts": [1, 2, 3, 4]},
    ]
)


@hypothesis.given(
    st.lists(STEPS, min_size=1, max_size=3), SIDE, SIDE, st.floats(0.2, 0.8), st.floats(0.2, 0.8)
)
@hypothesis.settings(max_examples=150, deadline=None)
def test_a_mark_is_where_the_geometry_says(
    steps: list[dict[str, Any]], height: int, width: int, down: float, across: float
) -> None:
    chain = _chain(*steps, {"op": "normalize", "mean": 0, "std": 1})
    # Its own position stands in each pixel: what an input pixel shows tells where it is from.
    rows, columns = np.mgrid[:height, :width]
    image = np.stack([rows + 0.5, columns + 0.5, np.ones_like(rows)], axis=2).astype(np.float32)
    try:
        shown = chain(image)[0]
        geometry = chain.geometry(height, width)
    except InputError:
        hypothesis.reject()
    assert (geometry.height, geometry.width) == shown.shape[:2]
    y, x = int(down * geometry.height), int(across * geometry.width)
    around = shown[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2, 2]
    hypothesis.assume(np.abs(around - 1.0).max() < 1e-3)  # neither fill nor border beside it
    at_y = (y + 0.5) * geometry.scale_y + geometry.offset_y
    at_x = (x + 0.5) * geometry.scale_x + geometry.offset_x
    inside = 3 < at_y < height - 3 and 3 < at_x < width - 3
    hypothesis.assume(inside)
    assert abs(shown[y, x, 0] - at_y) <= max(1.0, geometry.scale_y)
    assert abs(shown[y, x, 1] - at_x) <= max(1.0, geometry.scale_x)
