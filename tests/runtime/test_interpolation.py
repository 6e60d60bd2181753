"""Scaling like a framework: by numpy alone and with OpenCV, against the framework itself.

Frameworks that are not installed are skipped by name; TensorFlow's answers are in a file.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgeml_runtime.preprocess.resampling import resampled
from edgeml_runtime.preprocess.scaling import ANTIALIASED, NAMES, Kernel, scaling

pytest.importorskip("hypothesis")
import hypothesis
from hypothesis import strategies as st

Scale = Callable[[np.ndarray, int, int, Kernel], np.ndarray]

TENSORFLOW = np.load(Path(__file__).with_name("references") / "tensorflow.npz")
STEPS = 32.0  # of a level, in that file


def resized(image: np.ndarray, height: int, width: int, kernel: Kernel) -> np.ndarray:
    """Return *image* scaled as the steps do it, by OpenCV where that is the same."""
    return scaling(image, height, width, kernel)(image)


SIDES = st.tuples(st.integers(1, 300), st.integers(1, 300)) | st.tuples(
    st.integers(1, 9), st.integers(1, 9)
)
quickly = hypothesis.settings(max_examples=40, deadline=None)


def _kernels(like: str) -> st.SearchStrategy[Kernel]:
    kernels = [Kernel(name, like, False) for name in NAMES[like]]
    if like == "torch":
        kernels += [Kernel(name, like, True) for name in NAMES[like] if name in ANTIALIASED]
    return st.sampled_from(kernels)


@st.composite
def _images(draw: st.DrawFn) -> np.ndarray:
    height, width = draw(SIDES)
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    levels = random.integers(0, 256, (height, width, draw(st.sampled_from([1, 3, 4]))))
    kind = draw(st.sampled_from(["noise", "black and white", "smooth"]))
    if kind == "black and white":
        levels = levels // 128 * 255
    elif kind == "smooth":
        levels = 90 + np.cumsum(np.cumsum(levels % 3 - 1, axis=0), axis=1) % 80
    image = levels.astype(np.uint8)
    return image if draw(st.booleans()) else np.asarray(image / 255.0, np.float32)


def _holds(
    scale: Scale, image: np.ndarray, sides: tuple[int, int], kernel: Kernel, theirs: np.ndarray
) -> None:
    ours = scale(image, *sides, kernel)
    assert ours.dtype == image.dtype
    assert ours.shape == (*sides, image.shape[2])
    level = 1.0 if image.dtype == np.uint8 else 1.0 / 255.0
    assert np.abs(ours.astype(np.float64) - theirs).max() <= level


@pytest.fixture(params=[resampled, resized])
def scale(request: pytest.FixtureRequest) -> Scale:
    """Return numpy's way, then the one that takes OpenCV where that does the same."""
    if request.param is resized:
        pytest.importorskip("cv2")
    way: Scale = request.param
    return way


@hypothesis.given(_images(), SIDES, _kernels("opencv"))
@quickly
def test_like_opencv(image: np.ndarray, sides: tuple[int, int], kernel: Kernel) -> None:
    cv2 = pytest.importorskip("cv2")
    flags = {"nearest": 0, "bilinear": 1, "bicubic": 2, "area": 3, "lanczos": 4}
    theirs = cv2.resize(image, sides[::-1], interpolation=flags[kernel.name])
    theirs = theirs.reshape(*sides, image.shape[2])
    _holds(resampled, image, sides, kernel, theirs)
    np.testing.assert_array_equal(resized(image, *sides, kernel), theirs)


@hypothesis.given(_images(), SIDES, _kernels("pil"))
@quickly
@pytest.mark.parametrize("way", [resampled, resized])
def test_like_pillow(way: Scale, image: np.ndarray, sides: tuple[int, int], kernel: Kernel) -> None:
    pillow = pytest.importorskip("PIL.Image")
    height, width = sides
    flag = pillow.Resampling[kernel.name.upper()]

    def pass_by_pass(channel: np.ndarray) -> np.ndarray:  # in the order of Pillow up to 12
        picture = pillow.fromarray(channel)
        if kernel.name != "nearest":
            picture = picture.resize((width, channel.shape[0]), flag)
        return np.asarray(picture.resize((width, height), flag))

    theirs = np.stack([pass_by_pass(plane) for plane in image.transpose(2, 0, 1)], axis=2)
    _holds(way, image, sides, kernel, theirs)
    if way is resampled and kernel.name != "hamming" and image.dtype == np.uint8:
        np.testing.assert_array_equal(way(image, *sides, kernel), theirs)


@hypothesis.given(_images(), SIDES, _kernels("torch"))
@quickly
@pytest.mark.parametrize("way", [resampled, resized])
def test_like_torch(way: Scale, image: np.ndarray, sides: tuple[int, int], kernel: Kernel) -> None:
    torch = pytest.importorskip("torch")
    hypothesis.assume(not kernel.antialias or sides[1] > 1)  # torch 2.13 repeats a row
    exact = {} if kernel.name.startswith("nearest") else {"antialias": kernel.antialias}
    mode = kernel.name.replace("_", "-")
    planes = [
        torch.nn.functional.interpolate(
            torch.from_numpy(plane.astype(np.float32))[None, None], sides, mode=mode, **exact
        )
        for plane in image.transpose(2, 0, 1)
    ]
    theirs = np.stack([plane[0, 0].numpy() for plane in planes], axis=2)
    if image.dtype == np.uint8:
        theirs = np.clip(np.rint(theirs), 0, 255)
    _holds(way, image, sides, kernel, theirs)


@pytest.mark.parametrize("key", [key for key in TENSORFLOW.files if key != "image"])
def test_like_tensorflow(scale: Scale, key: str) -> None:
    like, name, antialias, height, width = key.split()
    kernel = Kernel(name, like, antialias == "1")
    image, sides, theirs = TENSORFLOW["image"], (int(height), int(width)), TENSORFLOW[key] / STEPS
    _holds(scale, image, sides, kernel, np.clip(np.rint(theirs), 0, 255))
    real = scale(image.astype(np.float32), *sides, kernel)
    assert np.abs(real - theirs).max() <= 0.25


@hypothesis.given(_images(), SIDES, st.sampled_from(sorted(NAMES)), st.data())
@quickly
def test_numpy_and_opencv_agree(
    image: np.ndarray, sides: tuple[int, int], like: str, data: st.DataObject
) -> None:
    pytest.importorskip("cv2")
    kernel = data.draw(_kernels(like))
    _holds(resampled, image, sides, kernel, resized(image, *sides, kernel))


def test_many_channels_are_scaled_like_few(scale: Scale) -> None:
    image = np.random.default_rng(7).integers(0, 256, (9, 11, 6)).astype(np.uint8)
    for like, name in (("opencv", "area"), ("pil", "bicubic"), ("torch", "nearest")):
        kernel = Kernel(name, like, False)
        planes = [scale(image[:, :, [at]], 5, 7, kernel) for at in range(6)]
        _holds(scale, image, (5, 7), kernel, np.dstack(planes))


@pytest.mark.parametrize("like", sorted(NAMES))
def test_one_color_stays(like: str) -> None:
    image = np.full((37, 41, 3), 201, np.uint8)
    for name in NAMES[like]:
        for sides in ((11, 90), (5, 3), (1, 1)):
            assert (resampled(image, *sides, Kernel(name, like, False)) == 201).all()
