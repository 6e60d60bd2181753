"""What each preprocessing step does to an image."""

from typing import Any

import numpy as np
import pytest

from edgeml_runtime.errors import InputError
from edgeml_runtime.preprocess import Pipeline

SCHEMA = "edgeml.preprocess/1"


def _pipeline(*steps: dict[str, Any]) -> Pipeline:
    return Pipeline.from_json({"schema": SCHEMA, "step": list(steps)})


def _image(height: int, width: int, channels: int = 3) -> np.ndarray:
    random = np.random.default_rng(height * width)
    return random.integers(0, 256, (height, width, channels)).astype(np.uint8)


def test_an_empty_chain_adds_the_batch_axis() -> None:
    image = _image(4, 5)
    np.testing.assert_array_equal(_pipeline()(image), image[np.newaxis])


def test_a_gray_image_has_one_channel() -> None:
    gray = _image(4, 5)[:, :, 0]
    assert _pipeline()(gray).shape == (1, 4, 5, 1)
    assert _pipeline({"op": "layout", "to": "NCHW"})(gray).shape == (1, 1, 4, 5)


@pytest.mark.parametrize("shape", [(4,), (1, 4, 5, 3), (0, 5, 3)])
def test_what_is_no_image_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="not an image"):
        _pipeline()(np.zeros(shape, np.uint8))


def test_resize_to_a_size_is_height_then_width() -> None:
    assert _pipeline({"op": "resize", "size": [6, 4]})(_image(9, 9)).shape == (1, 6, 4, 3)


@pytest.mark.parametrize(
    ("image", "expected"), [((20, 31), (10, 15)), ((31, 20), (15, 10)), ((20, 20), (10, 10))]
)
def test_resize_by_the_shorter_side_keeps_the_aspect_and_rounds_down(
    image: tuple[int, int], expected: tuple[int, int]
) -> None:
    resized = _pipeline({"op": "resize", "shorter_side": 10})(_image(*image))
    assert resized.shape[1:3] == expected


def test_resize_keeps_the_type_and_a_single_channel() -> None:
    step = {"op": "resize", "size": [3, 3], "interpolation": "nearest"}
    assert _pipeline(step)(_image(6, 6, 1)).shape == (1, 3, 3, 1)
    assert _pipeline(step)(_image(6, 6).astype(np.float32)).dtype == np.float32
    with pytest.raises(InputError, match="int64"):
        _pipeline(step)(_image(6, 6).astype(np.int64))


def test_an_image_that_would_become_far_too_long_is_refused() -> None:
    with pytest.raises(InputError, match="300x60000"):
        _pipeline({"op": "resize", "shorter_side": 300})(_image(1, 200))


def test_nearest_by_whole_factors_repeats_pixels() -> None:
    image = _image(2, 3)
    doubled = _pipeline({"op": "resize", "size": [4, 6], "interpolation": "nearest"})(image)
    np.testing.assert_array_equal(doubled[0], image.repeat(2, axis=0).repeat(2, axis=1))


def test_center_crop_takes_the_middle() -> None:
    image = _image(5, 8)
    cropped = _pipeline({"op": "center_crop", "size": [3, 3]})(image)
    np.testing.assert_array_equal(cropped[0], image[1:4, 2:5])


def test_center_crop_of_a_smaller_image_is_refused() -> None:
    with pytest.raises(InputError, match=r"5x8.*6x6"):
        _pipeline({"op": "center_crop", "size": [6, 6]})(_image(5, 8))


def test_letterbox_fits_and_centers() -> None:
    image = np.full((10, 20, 3), 200, np.uint8)
    boxed = _pipeline({"op": "letterbox", "size": [16, 16], "fill": 7})(image)[0]
    assert boxed.shape == (16, 16, 3)
    assert (boxed[4:12] == 200).all()
    assert (boxed[:4] == 7).all()
    assert (boxed[12:] == 7).all()


def test_pad_adds_a_border_of_one_color() -> None:
    image = _image(2, 2)
    padded = _pipeline({"op": "pad", "amounts": [1, 0, 0, 2], "fill": [1, 2, 3]})(image)[0]
    assert padded.shape == (3, 4, 3)
    np.testing.assert_array_equal(padded[1:, :2], image)
    assert padded[0, 0].tolist() == padded[2, 3].tolist() == [1, 2, 3]


@pytest.mark.parametrize("fill", [[1, 2], 256, -1, 0.5])
def test_a_fill_that_the_image_cannot_hold_is_refused(fill: object) -> None:
    with pytest.raises(InputError, match="'fill'"):
        _pipeline({"op": "pad", "amounts": [1, 1, 1, 1], "fill": fill})(_image(2, 2))


def test_color_swaps_channels_and_back() -> None:
    image = _image(3, 3)
    bgr, rgb = {"op": "color", "to": "BGR"}, {"op": "color", "to": "RGB"}
    np.testing.assert_array_equal(_pipeline(bgr)(image)[0], image[:, :, ::-1])
    np.testing.assert_array_equal(_pipeline(bgr, rgb)(image)[0], image)
    np.testing.assert_array_equal(_pipeline(rgb)(image)[0], image)


def test_color_to_gray_is_luma_from_either_order() -> None:
    image = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    bgr, gray = {"op": "color", "to": "BGR"}, {"op": "color", "to": "gray"}
    assert _pipeline(gray)(image).ravel().tolist() == [76, 150, 29]
    assert _pipeline(bgr, gray)(image).ravel().tolist() == [76, 150, 29]


def test_a_gray_image_becomes_three_equal_channels() -> None:
    gray = _image(3, 4)[:, :, 0]
    color = _pipeline({"op": "color", "to": "RGB"})(gray)[0]
    np.testing.assert_array_equal(color, np.stack([gray] * 3, axis=2))


def test_cast_to_integers_rounds_to_even_and_clips() -> None:
    values = np.array([[-300.0, -0.5, 0.5, 1.5, 2.4, 300.0]], np.float32)
    to_uint8 = _pipeline({"op": "cast", "to": "uint8"})(values)
    to_int8 = _pipeline({"op": "cast", "to": "int8"})(values)
    assert to_uint8.ravel().tolist() == [0, 0, 0, 2, 2, 255]
    assert to_int8.ravel().tolist() == [-128, 0, 0, 2, 2, 127]


def test_normalize_by_channel_and_by_one_number() -> None:
    image = _image(4, 4)
    by_channel = _pipeline({"op": "normalize", "mean": [1, 2, 3], "std": [2.0, 4.0, 8.0]})(image)
    expected = (image.astype(np.float64) - [1, 2, 3]) / [2, 4, 8]
    assert by_channel.dtype == np.float32
    np.testing.assert_allclose(by_channel[0], expected, rtol=1e-6)
    by_one = _pipeline({"op": "normalize", "mean": 0, "std": 255})(image)
    np.testing.assert_allclose(by_one[0], image / 255.0, rtol=1e-6)


def test_normalize_does_not_change_the_caller_s_image() -> None:
    image = _image(4, 4).astype(np.float32)
    kept = image.copy()
    _pipeline({"op": "normalize", "mean": 9, "std": 3})(image)
    np.testing.assert_array_equal(image, kept)


def test_normalize_by_three_channels_refuses_a_gray_image() -> None:
    with pytest.raises(InputError, match="3 means and 1 stds, and the image has 1 channels"):
        _pipeline({"op": "normalize", "mean": [1, 2, 3], "std": 1})(_image(4, 4, 1))


def test_layout_orders_the_axes() -> None:
    image = _image(4, 5)
    nchw = _pipeline({"op": "layout", "to": "NCHW"})
    assert nchw.output_layout == "NCHW"
    np.testing.assert_array_equal(nchw(image)[0], image.transpose(2, 0, 1))
    assert nchw(image).flags["C_CONTIGUOUS"]


def test_with_layout_changes_only_the_end() -> None:
    image = _image(4, 5)
    nchw = _pipeline(
        {"op": "normalize", "mean": 1, "std": 2},
        {"op": "layout", "to": "NCHW"},
        {"op": "cast", "to": "int8"},
    )
    nhwc = nchw.with_layout("NHWC")
    assert nhwc.output_layout == "NHWC"
    np.testing.assert_array_equal(nhwc(image), nchw(image).transpose(0, 2, 3, 1))
    assert nhwc.with_layout("NCHW") == nchw


def test_with_layout_adds_the_step_where_there_is_none() -> None:
    plain = _pipeline({"op": "color", "to": "BGR"})
    assert plain.output_layout == ""
    assert plain.with_layout("NCHW")(_image(4, 5)).shape == (1, 3, 4, 5)


@pytest.mark.parametrize(
    "steps",
    [
        ({"op": "resize", "shorter_side": 32767},),
        ({"op": "resize", "size": [32767, 32767], "interpolation": "nearest"},),
        ({"op": "letterbox", "size": [32767, 32767]},),
        ({"op": "pad", "amounts": [32767, 32767, 32767, 32767]},),
        ({"op": "pad", "amounts": [0, 32767, 0, 0]}, {"op": "pad", "amounts": [0, 0, 0, 32767]}),
    ],
)
def test_what_would_fill_the_memory_is_refused(steps: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(InputError, match="which is too large"):
        _pipeline(*steps)(_image(8, 8))


def test_a_large_image_may_stay_large() -> None:
    image = np.zeros((5000, 4000, 1), np.uint8)
    assert _pipeline({"op": "pad", "amounts": [1, 0, 0, 0]})(image).shape == (1, 5001, 4000, 1)
