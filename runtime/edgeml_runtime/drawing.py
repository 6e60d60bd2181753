"""Answers drawn onto the image; needs OpenCV.

It knows shapes and no task: an answer that can be drawn has a method ``shapes()``. Any other is
written into the corner as its ``summary()``.
"""

import importlib
from collections.abc import Sequence
from typing import Any, Optional

import numpy as np

from edgeml_runtime.errors import InputError, MissingToolError
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.tasks import Result

_HUE_STEP = 0.618034  # the golden ratio keeps the hues of many numbers apart


@dataclass(frozen=True)
class Shape:
    """One thing to draw, in pixels of the image; what is left out is not drawn.

    Args:
        color: A number such as the class; the same number has the same color in every image.
        text: Stands at the box or the first point, else in the upper left corner.
        box: Left, top, right, bottom.
        points: (x, y) of each.
        lines: Pairs of indices of *points* to join.
        mask: (H,W), not 0 where the image is tinted.
    """

    color: int = 0
    text: str = ""
    box: Optional[tuple[float, float, float, float]] = None
    points: Sequence[tuple[float, float]] = ()
    lines: Sequence[tuple[int, int]] = ()
    mask: Optional[np.ndarray] = None


def draw(image_rgb: np.ndarray, result: Result) -> np.ndarray:
    """Return a copy of *image_rgb*, uint8 (H,W), (H,W,1) or (H,W,3), with *result*, as (H,W,3).

    Raises:
        InputError: It is no such image, or a mask has another size.
        MissingToolError: OpenCV is not installed.
    """
    try:
        cv2 = importlib.import_module("cv2")
    except ImportError as error:
        raise MissingToolError(
            "Drawing needs OpenCV, which is not installed.",
            "Run: pip install opencv-python-headless",
        ) from error
    listed = getattr(result, "shapes", None)
    shapes: Sequence[Shape] = listed() if listed else [Shape(text=result.summary())]
    if (
        image_rgb.dtype != np.uint8
        or image_rgb.ndim < 2
        or image_rgb.shape[2:] not in ((), (1,), (3,))
    ):
        raise InputError(
            f"A {image_rgb.dtype.name} of the shape {image_rgb.shape} cannot be drawn on.",
            "Give an image of height x width x 3, uint8.",
        )
    image = np.zeros((*image_rgb.shape[:2], 3), np.uint8)
    image += image_rgb.reshape(*image.shape[:2], -1)
    thick = max(1, round(min(image.shape[:2]) / 320))
    for shape in shapes:
        if shape.mask is not None:
            _tint(image, shape.mask, shape.color)
    for shape in shapes:
        _outline(cv2, image, shape, thick)
    corner = 0
    for shape in shapes:
        if shape.text:
            corner = _write(cv2, image, shape, thick, corner)
    return image


def _outline(cv2: Any, image: np.ndarray, shape: Shape, thick: int) -> None:  # noqa: ANN401 - module
    """Draw box, lines and points."""
    color = _color(shape.color)
    if shape.box is not None:
        edges = [round(edge) for edge in shape.box]
        cv2.rectangle(image, edges[:2], edges[2:], color, thick)
    points = [(round(x), round(y)) for x, y in shape.points]
    for start, end in shape.lines:
        cv2.line(image, points[start], points[end], color, thick)
    for point in points:
        cv2.circle(image, point, thick + 1, color, -1)


def _write(cv2: Any, image: np.ndarray, shape: Shape, thick: int, corner: int) -> int:  # noqa: ANN401 - module
    """Write the text, above its box where there is room, else inside; return the next corner."""
    font, scale, color = cv2.FONT_HERSHEY_SIMPLEX, 0.4 * thick, _color(shape.color)
    (width, height), below = cv2.getTextSize(shape.text, font, scale, thick)
    height += below
    if shape.box is None and not len(shape.points):
        x, y, corner = 0, corner, corner + height
    else:
        x, y = (round(edge) for edge in (shape.box or shape.points[0])[:2])
        x, y = max(0, min(x, image.shape[1] - width)), y - height if y >= height else y
    ink = (0, 0, 0) if sum(color) > 382 else (255, 255, 255)
    cv2.rectangle(image, (x, y), (x + width, y + height), color, -1)
    place = (x, y + height - below)
    cv2.putText(image, shape.text, place, font, scale, ink, thick, cv2.LINE_AA)
    return corner


def _tint(image: np.ndarray, mask: np.ndarray, color: int) -> None:
    """Mix *color* into the pixels of *mask*, half and half."""
    if mask.shape != image.shape[:2]:
        raise InputError(
            f"A mask is {mask.shape}, and the image {image.shape[:2]}.",
            "Draw onto the image that the answer is of.",
        )
    inside = mask != 0
    image[inside] = image[inside] // 2 + np.array(_color(color), np.uint8) // 2


def _color(number: int) -> tuple[int, ...]:
    """Return red, green and blue of a number."""
    hue = number * _HUE_STEP % 1.0 * 6.0
    sides = (abs((hue + turn) % 6.0 - 3.0) - 1.0 for turn in (0, 4, 2))
    return tuple(round(255 * min(max(side, 0.0), 1.0)) for side in sides)
