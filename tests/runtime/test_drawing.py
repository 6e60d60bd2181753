"""Answers drawn onto images."""

import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from edgeml_runtime.drawing import Shape, draw
from edgeml_runtime.errors import InputError
from edgeml_runtime.tasks.vectors import Classification

GRAY = np.full((120, 160, 3), 128, np.uint8)


@dataclass(frozen=True)
class Answer:
    """An answer of given shapes."""

    drawn: list[Shape] = field(default_factory=list)

    def shapes(self) -> list[Shape]:
        """Return the shapes."""
        return self.drawn

    def summary(self) -> str:
        """Return nothing of use."""
        return "not drawn"

    def to_json(self) -> dict[str, Any]:
        """Return nothing of use."""
        return {}


@pytest.fixture(autouse=True)
def opencv() -> None:
    """Skip where there is no OpenCV."""
    pytest.importorskip("cv2")


def changed(answer: Any, image: np.ndarray = GRAY) -> np.ndarray:  # noqa: ANN401
    """Return which pixels drawing changes; *image* itself stays as it is."""
    before = image.copy()
    drawn = draw(image, answer)
    assert np.array_equal(image, before)
    assert drawn.shape == (*image.shape[:2], 3)
    assert drawn.dtype == np.uint8
    three = np.broadcast_to(image.reshape(*image.shape[:2], -1), drawn.shape)
    return np.asarray((drawn != three).any(axis=2))


def test_a_box_is_outlined_and_its_inside_left() -> None:
    hit = changed(Answer([Shape(box=(20.4, 30.0, 60.0, 90.0))]))
    rows, columns = np.nonzero(hit)
    assert (columns.min(), rows.min(), columns.max(), rows.max()) == (20, 30, 60, 90)
    assert not hit[32:89, 22:59].any()


def test_text_stands_above_its_box_or_inside_at_the_upper_border() -> None:
    low = changed(Answer([Shape(text="ant", box=(20, 60, 60, 90))]))
    assert low[50:59, 20:40].any()
    high = changed(Answer([Shape(text="ant", box=(20, 2, 60, 90))]))
    assert high[4:10, 22:40].any()
    beside = changed(Answer([Shape(text="a longer name", box=(150, 60, 159, 90))]))
    assert beside[50:59, 60:150].any()


def test_a_skeleton_has_points_and_lines() -> None:
    hit = changed(Answer([Shape(points=[(10, 10), (50, 10), (50, 70)], lines=[(0, 1), (1, 2)])]))
    assert hit[10, 10:51].all()
    assert hit[10:71, 50].all()
    assert not hit[40, 20]


def test_a_mask_tints_its_pixels_only() -> None:
    mask = np.zeros((120, 160), np.uint8)
    mask[:60] = 1
    hit = changed(Answer([Shape(color=1, mask=mask)]))
    assert np.array_equal(hit, mask == 1)
    with pytest.raises(InputError, match="image that the answer is of"):
        draw(GRAY[:50], Answer([Shape(mask=mask)]))


def test_any_other_answer_is_written_into_the_corner() -> None:
    hit = changed(Classification("ant", 0, 0.5, (("ant", 0, 0.5),)))
    assert hit[:12, :40].any()
    assert not hit[40:].any()


def test_texts_without_a_place_stand_below_each_other() -> None:
    one = changed(Answer([Shape(text="ant")]))
    two = changed(Answer([Shape(text="ant"), Shape(text="bee")]))
    assert np.nonzero(two)[0].max() > np.nonzero(one)[0].max() + 5


def test_the_color_belongs_to_the_number() -> None:
    def color(*shapes: Shape) -> tuple[int, ...]:
        return tuple(draw(GRAY, Answer(list(shapes)))[90, 100].tolist())

    box = (100.0, 90.0, 140.0, 110.0)
    colors = [color(Shape(number, box=box)) for number in range(12)]
    assert len(set(colors)) == 12
    assert color(Shape(3, box=(0, 0, 9, 9)), Shape(7, box=box)) == colors[7]


@pytest.mark.parametrize("shape", [(120, 160), (120, 160, 1)])
def test_gray_images_are_drawn_on_in_color(shape: tuple[int, ...]) -> None:
    assert changed(Answer([Shape(box=(1, 1, 9, 9))]), np.zeros(shape, np.uint8)).any()


@pytest.mark.parametrize(
    "image", [np.zeros((9, 9, 3)), np.zeros((9, 9, 4), np.uint8), np.zeros(9, np.uint8)]
)
def test_what_is_no_image_is_refused(image: np.ndarray) -> None:
    with pytest.raises(InputError, match="height x width x 3"):
        draw(image, Answer())


def test_without_opencv_the_pip_line_is_named() -> None:
    program = (
        "import sys; sys.modules['cv2'] = None\n"
        "import numpy as np\n"
        "from edgeml_runtime.drawing import draw\n"
        "from edgeml_runtime.tasks.detection import Detections\n"
        "draw(np.zeros((9, 9, 3), np.uint8), Detections(()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert "MissingToolError" in done.stderr
    assert "pip install opencv-python-headless" in done.stderr
