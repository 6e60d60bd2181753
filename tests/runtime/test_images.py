"""Image files and the interpolations that only OpenCV has."""

from pathlib import Path

import numpy as np
import pytest

from edgeml_runtime.errors import InputError
from edgeml_runtime.preprocess import Pipeline
from edgeml_runtime.samples import read_samples

cv2 = pytest.importorskip("cv2")


def test_an_image_file_is_rgb(tmp_path: Path) -> None:
    image = np.random.default_rng(2).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), image[:, :, ::-1])
    ((_, sample),) = read_samples(tmp_path / "a.png")
    np.testing.assert_array_equal(sample, image)


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n"])
def test_a_damaged_image_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.png: is no readable image"):
        list(read_samples(tmp_path / "a.png"))


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        ("nearest", cv2.INTER_NEAREST),
        ("bilinear", cv2.INTER_LINEAR),
        ("bicubic", cv2.INTER_CUBIC),
        ("area", cv2.INTER_AREA),
    ],
)
def test_resize_is_opencv_s(name: str, flag: int) -> None:
    image = np.random.default_rng(4).integers(0, 256, (31, 20, 3)).astype(np.uint8)
    step = {"op": "resize", "size": [12, 17], "interpolation": name}
    pipeline = Pipeline.from_json({"schema": "edgeml.preprocess/1", "step": [step]})
    expected = cv2.resize(image, (17, 12), interpolation=flag)
    np.testing.assert_array_equal(pipeline(image)[0], expected)
