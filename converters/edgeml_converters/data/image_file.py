"""Image files: which suffixes count as images, and decoding one.

Needs OpenCV, so only the forms that hold images import it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from edgeml_converters.data.source import RawSample
from edgeml_runtime.errors import InputError

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})


def is_image(path: Path) -> bool:
    """Return whether *path* is a visible file (or a link to one) with the suffix of an image."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def read_image(path: Path) -> np.ndarray:
    """Return the image as RGB uint8 (height, width, 3), turned as its EXIF orientation says.

    Grey images get three equal channels and transparency is dropped, so that the preprocessing sees
    one form.

    Raises:
        InputError: The file cannot be read, or is no image or a damaged one.
    """
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputError(
            f"The image {path} cannot be read: {error.strerror}.", "Check the file's permissions."
        ) from error
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise InputError(
            f"{path} is not an image that can be decoded; it may be damaged.",
            "Replace the file, or take it out of the data.",
        )
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def read_images(labelled: Sequence[tuple[Path, int]]) -> Iterator[RawSample]:
    """Decode one image after another, each with its class index."""
    for path, label in labelled:
        yield RawSample(read_image(path), label, f"The image {path}")
