"""The numpy interpolations against OpenCV, where OpenCV is installed."""

import numpy as np
import pytest

from edgeml_runtime.preprocess.interpolation import bilinear, nearest

cv2 = pytest.importorskip("cv2")
pytest.importorskip("hypothesis")
import hypothesis  # noqa: E402 - only where it is installed
from hypothesis import strategies as st  # noqa: E402 - as above

SIDES = st.tuples(st.integers(1, 48), st.integers(1, 48))
CHANNELS = st.sampled_from([1, 3])
SEEDS = st.integers(0, 2**32 - 1)

quickly = hypothesis.settings(max_examples=60, deadline=None)


def _levels(sides: tuple[int, int], channels: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*sides, channels)).astype(np.uint8)


def _opencv(image: np.ndarray, sides: tuple[int, int], flag: int) -> np.ndarray:
    height, width = sides
    scaled: np.ndarray = cv2.resize(image, (width, height), interpolation=flag)
    return scaled.reshape(height, width, image.shape[2])


@hypothesis.given(SIDES, SIDES, CHANNELS, SEEDS)
@quickly
def test_bilinear_is_within_one_level_of_opencv(
    old: tuple[int, int], new: tuple[int, int], channels: int, seed: int
) -> None:
    image = _levels(old, channels, seed)
    theirs = _opencv(image, new, cv2.INTER_LINEAR).astype(int)
    assert np.abs(bilinear(image, *new).astype(int) - theirs).max() <= 1


@hypothesis.given(SIDES, SIDES, CHANNELS, SEEDS)
@quickly
def test_bilinear_of_floats_is_within_a_255th_of_opencv(
    old: tuple[int, int], new: tuple[int, int], channels: int, seed: int
) -> None:
    image = np.random.default_rng(seed).random((*old, channels)).astype(np.float32)
    ours = bilinear(image, *new)
    assert ours.dtype == np.float32
    assert np.abs(ours - _opencv(image, new, cv2.INTER_LINEAR)).max() <= 1 / 255


@hypothesis.given(SIDES, SIDES, CHANNELS, SEEDS)
@quickly
def test_nearest_is_opencv_s(
    old: tuple[int, int], new: tuple[int, int], channels: int, seed: int
) -> None:
    image = _levels(old, channels, seed)
    np.testing.assert_array_equal(nearest(image, *new), _opencv(image, new, cv2.INTER_NEAREST))
