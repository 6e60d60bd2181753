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


@dataclass(frozen=True)
class _Hand:
    """How text is written: typeface, height in pixels, and weight (400 is regular)."""

    typeface: "cv2.FontFace"
    height: int
    weight: int

    def extent(self, text: str) -> int:
        """Return how wide *text* is."""
        left, _, width, _ = cv2.getTextSize(
            (0, 0), text, (0, 0), self.typeface, self.height, self.weight
        )
        return int(left + width)

    def write(
        self, image: np.ndarray, text: str, corner: tuple[int, int], ink: tuple[int, ...]
    ) -> None:
        """Draw *text* into *image*; *corner* is where its baseline begins."""
        cv2.putText(image, text, corner, ink, self.typeface, self.height, self.weight)


@cache
def _words() -> tuple[str, ...]:
    return tuple((files(__package__) / "words.txt").read_text(encoding="utf-8").split())


def draw_line(random: np.random.Generator, longest: int) -> Line:
    """Return a line of text that is up to *longest* pixels wide."""
    hand = _hand(random, 24, 33)
    text = _fitting(_phrase(random), hand, longest - 2 * _GAP)
    width = hand.extent(text) + 2 * _GAP
    ink, paper = _colours(random)
    image = _paper(random, (LINE_HEIGHT, width), paper)
    hand.write(image, text, (_GAP, _BASELINE + int(random.integers(-2, 3))), ink)
    whole = np.zeros((LINE_HEIGHT, longest, 3), np.uint8)
    whole[:, :width] = _photographed(random, image)
    return Line(text, width, whole)


def draw_page(random: np.random.Generator, size: int) -> np.ndarray:
    """Return a page of several lines of text, (size, size, 3) uint8."""
    ink, paper = _colours(random)
    image = _paper(random, (size, size), paper)
    bottom = int(random.integers(10, 40))
    while True:
        hand = _hand(random, 12, 34)
        bottom += hand.height + int(random.integers(4, 30))
        if bottom > size - 8:
            return _photographed(random, image)
        left = int(random.integers(4, size // 3))
        hand.write(image, _fitting(_phrase(random), hand, size - left - 4), (left, bottom), ink)


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


def _fitting(text: str, hand: _Hand, width: int) -> str:
    """Return as much of *text* as fits into *width*."""
    while hand.extent(text) > width:
        text = text[: text.rindex(" ")] if " " in text else text[:-1]
    return text


def _hand(random: np.random.Generator, smallest: int, tallest: int) -> _Hand:
    if not hasattr(cv2, "FontFace"):
        raise MissingToolError(
            f"OpenCV {cv2.__version__} draws no TrueType text.",
            "Run: pip install 'opencv-python-headless>=5'",
        )
    typeface = cv2.FontFace(str(random.choice(_TYPEFACES)))
    height = int(random.integers(smallest, tallest))
    return _Hand(typeface, height, int(random.choice((300, 400, 500, 700))))


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
