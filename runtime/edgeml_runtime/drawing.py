"""Answers drawn onto the image; needs OpenCV.

It knows shapes and no task: an answer that can be drawn has a method ``shapes()``. Any other is
written into the corner as its ``summary()``.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Optional

import numpy as np

from edgeml_runtime.errors import InputError, MissingToolError
from edgeml_runtime.tasks import Result

_STEP = 0.618034  # of the hue from one number to the next: the golden ratio keeps all apart


@dataclass(frozen=True)
class Shape:
    """One thing to draw, in pixels of the image; what is left out is not drawn.

    Args:
        color: A number such as the class; equal ones have the same color in every image.
        text: Stands at the box or the first point, else in the upper left corner.
        box: Left, top, right, bottom.
        points: (x, y) of each.
        lines: Pairs of indices of *points* that are joined.
        mask: (H,W), not 0 where the image is tinted.
    """

    color: int = 0
    text: str = ""
    box: Optional[tuple[float, float, float, float]] = None
    points: Sequence[tuple[float, float]] = ()
    lines: Sequence[tuple[int, int]] = ()
    mask: Optional[np.ndarray] = None


def draw(image_rgb: np.ndarray, result: Result) -> np.ndarray:
    """Return a copy of *image_rgb*, (H,W,3) or (H,W) uint8, with *result* drawn, as (H,W,3).

    Raises:
        InputError: It is no such image, or a mask has another size.
        MissingToolError: OpenCV is not installed.
    """
    if image_rgb.dtype != np.uint8 or image_rgb.ndim not in (2, 3) or 0 in image_rgb.shape:
        raise InputError(
            f"The image is {image_rgb.dtype.name} with the shape {image_rgb.shape}.",
            "Draw onto an image of height x width x 3, uint8.",
        )
    if image_rgb.ndim == 2 or image_rgb.shape[2] == 1:
        image_rgb = np.repeat(image_rgb.reshape(*image_rgb.shape[:2], 1), 3, axis=2)
    canvas = _Canvas(image_rgb)
    shapes = getattr(result, "shapes", None)
    found = [Shape(text=result.summary())] if shapes is None else list(shapes())
    for shape in found:
        canvas.tint(shape)
    for shape in found:
        canvas.outline(shape)
    for shape in found:
        canvas.write(shape)
    return canvas.image


class _Canvas:
    """An image with what it takes to draw on it."""

    def __init__(self, image: np.ndarray) -> None:
        try:
            self._cv2: Any = importlib.import_module("cv2")
        except ImportError as error:
            raise MissingToolError(
                "Drawing needs OpenCV, which is not installed.",
                "Run: pip install opencv-python-headless",
            ) from error
        self.image = np.ascontiguousarray(image).copy()
        self._thick = max(1, round(min(image.shape[:2]) / 320))
        self._corner = 0

    def tint(self, shape: Shape) -> None:
        """Mix the color into the pixels of the mask, half and half."""
        if shape.mask is None:
            return
        if shape.mask.shape != self.image.shape[:2]:
            raise InputError(
                f"A mask is {shape.mask.shape}, and the image {self.image.shape[:2]}.",
                "Draw onto the image that the answer is of.",
            )
        inside = shape.mask != 0
        mixed = (self.image[inside] + np.array(_color(shape.color), np.uint16)) // 2
        self.image[inside] = mixed.astype(np.uint8)

    def outline(self, shape: Shape) -> None:
        """Draw box, lines and points."""
        color = _color(shape.color)
        if shape.box is not None:
            left, top, right, bottom = (round(edge) for edge in shape.box)
            self._cv2.rectangle(self.image, (left, top), (right, bottom), color, self._thick)
        points = [(round(x), round(y)) for x, y in shape.points]
        for start, end in shape.lines:
            self._cv2.line(self.image, points[start], points[end], color, self._thick)
        for point in points:
            self._cv2.circle(self.image, point, self._thick + 1, color, -1)

    def write(self, shape: Shape) -> None:
        """Write the text on its color: above the box where there is room, else inside."""
        if not shape.text:
            return
        font, scale = self._cv2.FONT_HERSHEY_SIMPLEX, 0.4 * self._thick
        (width, height), below = self._cv2.getTextSize(shape.text, font, scale, self._thick)
        height += below
        if shape.box is None and not len(shape.points):
            x, y = 0, self._corner
            self._corner += height
        else:
            x, y = (round(edge) for edge in (shape.box or shape.points[0])[:2])
            y = y - height if y >= height else y
        color = _color(shape.color)
        ink = (0, 0, 0) if sum(color) > 382 else (255, 255, 255)
        self._cv2.rectangle(self.image, (x, y), (x + width, y + height), color, -1)
        place = (x, y + height - below)
        self._cv2.putText(
            self.image, shape.text, place, font, scale, ink, self._thick, self._cv2.LINE_AA
        )


def _color(number: int) -> tuple[int, int, int]:
    """Return the color of a number: hues far apart for neighbours."""
    hue = number * _STEP % 1.0 * 6.0
    red, green, blue = (
        round(255 * min(max(abs((hue + shift) % 6.0 - 3.0) - 1.0, 0.0), 1.0)) for shift in (0, 4, 2)
    )
    return red, green, blue
