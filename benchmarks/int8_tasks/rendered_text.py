"""Photographs of text as a text reader meets them, drawn: what they say is known exactly.

The words, typefaces, colours, blur and noise are random, and the same for the same seed. Images are
BGR, as OpenCV has them and the models of PP-OCR want them.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import cv2
import numpy as np

from edgeml_runtime.errors import MissingToolError

LINE_HEIGHT = 48
_TYPEFACES = ("sans", "italic", "uni")
_BASELINE = 35
_GAP = 6


@dataclass(frozen=True)
class Line:
    """A line of text and its picture, (48, width, 3) uint8, whose margin on the right is 0."""

    text: str
    width: int
    image: np.ndarray


@cache
def _words() -> tuple[str, ...]:
    return tuple((files(__package__) / "words.txt").read_text(encoding="utf-8").split())


def draw_line(random: np.random.Generator, longest: int) -> Line:
    """Return a line of text that is up to *longest* pixels wide."""
    typeface, size, weight = _typeface(random), int(random.integers(24, 33)), _weight(random)
    text = _phrase(random)
    while _extent(text, typeface, size, weight) + 2 * _GAP > longest:
        text = text[: text.rindex(" ")] if " " in text else text[:-1]
    width = min(_extent(text, typeface, size, weight) + 2 * _GAP, longest)
    ink, paper = _colours(random)
    image = _paper(random, (LINE_HEIGHT, width), paper)
    baseline = _BASELINE + int(random.integers(-2, 3))
    _write(image, text, (_GAP, baseline), ink, typeface, size, weight)
    whole = np.zeros((LINE_HEIGHT, longest, 3), np.uint8)
    whole[:, :width] = _photographed(random, image)
    return Line(text, width, whole)


def draw_page(random: np.random.Generator, size: int) -> np.ndarray:
    """Return a page of several lines of text, (size, size, 3) uint8."""
    ink, paper = _colours(random)
    image = _paper(random, (size, size), paper)
    typeface = _typeface(random)
    bottom = int(random.integers(10, 40))
    while True:
        height, weight = int(random.integers(12, 34)), _weight(random)
        bottom += height + int(random.integers(4, 30))
        if bottom > size - 8:
            return _photographed(random, image)
        left = int(random.integers(4, size // 3))
        text = _phrase(random)
        while _extent(text, typeface, height, weight) > size - left - 4 and " " in text:
            text = text[: text.rindex(" ")]
        _write(image, text, (left, bottom), ink, typeface, height, weight)


def model_input(image: np.ndarray) -> np.ndarray:
    """Return *image* (H, W, 3) as PP-OCR takes it: (1, 3, H, W) float32, -1 to 1."""
    scaled = image.astype(np.float32) / 127.5 - 1.0
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[np.newaxis])


def line_input(line: Line) -> np.ndarray:
    """Return the picture of *line* likewise; the margin on the right is 0, which is grey."""
    array = model_input(line.image)
    array[..., line.width :] = 0.0
    return array


def _phrase(random: np.random.Generator) -> str:
    parts = []
    for _ in range(int(random.integers(1, 5))):
        word = str(random.choice(_words()))
        kind = random.random()
        if kind < 0.2:
            word = f"{random.integers(1, 10000)}"
        elif kind < 0.3:
            word = f"{random.integers(0, 100)}.{random.integers(0, 100):02}"
        elif kind < 0.5:
            word = word.upper()
        elif kind < 0.75:
            word = word.capitalize()
        parts.append(word)
    return " ".join(parts)


def _typeface(random: np.random.Generator) -> "cv2.FontFace":
    if not hasattr(cv2, "FontFace"):
        raise MissingToolError(
            f"OpenCV {cv2.__version__} draws no TrueType text.",
            "Run: pip install 'opencv-python-headless>=5'",
        )
    return cv2.FontFace(str(random.choice(_TYPEFACES)))


def _weight(random: np.random.Generator) -> int:
    return int(random.choice((300, 400, 500, 700)))


def _extent(text: str, typeface: "cv2.FontFace", size: int, weight: int) -> int:
    left, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), typeface, size, weight)
    return int(left + width)


def _write(
    image: np.ndarray,
    text: str,
    corner: tuple[int, int],
    ink: tuple[int, ...],
    typeface: "cv2.FontFace",
    size: int,
    weight: int,
) -> None:
    cv2.putText(image, text, corner, ink, typeface, size, weight)


def _colours(random: np.random.Generator) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return ink and paper, one dark and one light."""
    dark = tuple(int(part) for part in random.integers(0, 90, 3))
    light = tuple(int(part) for part in random.integers(165, 256, 3))
    return (dark, light) if random.random() < 0.75 else (light, dark)


def _paper(
    random: np.random.Generator, size: tuple[int, int], colour: tuple[int, ...]
) -> np.ndarray:
    """Return an empty sheet that is lit from one side."""
    height, width = size
    slope = np.linspace(-1, 1, width) * random.uniform(-20, 20)
    sheet = np.array(colour, np.float32) + slope[np.newaxis, :, np.newaxis]
    return np.clip(np.repeat(sheet, height, axis=0), 0, 255).astype(np.uint8)


def _photographed(random: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Return *image* out of focus and grainy."""
    blurred = cv2.GaussianBlur(image, (0, 0), random.uniform(0.2, 1.1)).astype(np.float32)
    grain = random.normal(0, random.uniform(0, 10), image.shape)
    return np.clip(blurred + grain, 0, 255).astype(np.uint8)
