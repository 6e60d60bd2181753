"""Image and sound files: which suffixes count as such, and decoding one.

Needs OpenCV, so only the forms that hold such files import it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from edgeml_converters.data.source import RawSample
from edgeml_runtime.errors import InputError
from edgeml_runtime.samples import SOUND_SUFFIXES, read_wav

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
SAMPLE_SUFFIXES = SUFFIXES | {*SOUND_SUFFIXES}


def is_sample(path: Path) -> bool:
    """Return whether *path* is a visible file (or a link to one) of an image or a sound."""
    return (
        path.suffix.lower() in SAMPLE_SUFFIXES and not path.name.startswith(".") and path.is_file()
    )


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


def read_files(labelled: Sequence[tuple[Path, int]]) -> Iterator[RawSample]:
    """Decode one image or sound after another, each with its class index."""
    for path, label in labelled:
        if path.suffix.lower() in SOUND_SUFFIXES:
            sound, rate_hz = read_wav(path)
            yield RawSample(sound, label, f"The sound {path}", rate_hz)
        else:
            yield RawSample(read_image(path), label, f"The image {path}")
