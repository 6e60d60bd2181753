"""Samples of files and of the bytes of files: ``.npy``, ``.npz``, images and sounds."""

import importlib
import io
import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Optional

import numpy as np

from edgeml_runtime.errors import InputError, MissingToolError

_SAVE_REMEDY = "Save it with numpy.save, or numpy.savez(file, inputs=array_of_samples)."

# What numpy, zipfile and zlib raise on damaged files.
_LOAD_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)

_MAX_IMAGE_PIXELS = 1 << 26

ARRAY_SUFFIXES = (".npy", ".npz")
IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
SOUND_SUFFIXES = (".wav",)
SUFFIXES = ARRAY_SUFFIXES + IMAGE_SUFFIXES + SOUND_SUFFIXES


def read_samples(path: Path, rate_hz: Optional[float] = None) -> Iterator[tuple[str, np.ndarray]]:
    """Yield ``(name, sample)`` for every sample of a file.

    A ``.npy`` and an image are one sample each (images as RGB uint8, height x width x channels);
    an ``.npz`` has samples along the first axis of its array ``inputs``, named ``FILE[0]`` on.
    A sound is brought to *rate_hz*, that of the model's window.

    Raises:
        InputError: The file is missing, damaged or of another kind.
        MissingToolError: It is an image and OpenCV is not installed.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(
            f"{path}: files of this kind cannot be read.",
            f"Give one of: {', '.join(SUFFIXES)}.",
        )
    if not path.is_file():
        raise InputError(f"{path}: there is no such file.", "Give the path of a file.")
    if suffix == ".npy":
        with path.open("rb") as stream:
            yield str(path), _array(str(path), stream)
    elif suffix == ".npz":
        for index, sample in enumerate(_load_inputs(path)):
            yield f"{path}[{index}]", np.asarray(sample)
    elif suffix in SOUND_SUFFIXES:
        yield str(path), _read_sound(path, rate_hz)
    else:
        yield str(path), decode_image(path.read_bytes(), str(path))


def decode_array(data: bytes, name: str) -> np.ndarray:
    """Return the array of the bytes of a ``.npy`` file; *name* is for the InputError."""
    return _array(name, io.BytesIO(data))


def decode_image(data: bytes, name: str) -> np.ndarray:
    """Return RGB uint8 (H,W,3) of the bytes of an image file of at most 64 million pixels.

    Raises:
        InputError: They are no whole image, or too large a one; *name* is for the text.
        MissingToolError: OpenCV is not installed.
    """
    # A few bytes can claim a thousand million pixels. OpenCV reads this when it is imported.
    os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(_MAX_IMAGE_PIXELS))
    try:
        cv2 = importlib.import_module("cv2")
    except ImportError as error:
        raise MissingToolError(
            f"{name}: reading images needs OpenCV, which is not installed.",
            "Run: pip install opencv-python-headless (or give a .npy).",
        ) from error
    buffer = np.frombuffer(data, np.uint8)
    try:
        image = cv2.imdecode(buffer, cv2.IMREAD_COLOR) if buffer.size else None
    except cv2.error:
        image = None
    if image is None:
        raise InputError(f"{name}: is no readable image.", "Give a whole image file.")
    rgb: np.ndarray = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    return rgb


def _array(name: str, stream: BinaryIO) -> np.ndarray:
    array = _loaded(name, stream)
    if not isinstance(array, np.ndarray):
        raise InputError(f"{name}: is an .npz under another name.", _SAVE_REMEDY)
    return array


def _load_inputs(path: Path) -> np.ndarray:
    with path.open("rb") as stream:
        archive = _loaded(str(path), stream)
        if isinstance(archive, np.ndarray):
            raise InputError(f"{path}: is an .npy under another name.", _SAVE_REMEDY)
        if "inputs" not in archive.files:
            keys = ", ".join(archive.files) or "nothing"
            raise InputError(f"{path}: has no array 'inputs', but {keys}.", _SAVE_REMEDY)
        try:
            inputs = np.asarray(archive["inputs"])
        except _LOAD_ERRORS as error:
            raise _unreadable(str(path), error) from error
    if inputs.ndim == 0:
        raise InputError(f"{path}: 'inputs' is a single number.", _SAVE_REMEDY)
    return inputs


def _loaded(name: str, stream: BinaryIO) -> Any:  # noqa: ANN401 - an array, or numpy's NpzFile
    try:
        return np.load(stream, allow_pickle=False)
    except _LOAD_ERRORS as error:
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: Exception) -> InputError:
    return InputError(f"{name}: is no readable array ({error}).", _SAVE_REMEDY)


def _read_sound(path: Path, rate_hz: Optional[float]) -> np.ndarray:
    from edgeml_runtime.sound import read_wav, resampled  # noqa: PLC0415 - only sounds need it

    sound, given_hz = read_wav(path)
    return resampled(sound, given_hz, rate_hz or given_hz)
