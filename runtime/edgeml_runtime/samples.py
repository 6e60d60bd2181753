"""Samples of files and of the bytes of files: ``.npy``, ``.npz``, images and sounds."""

import importlib
import io
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Optional, Union

import numpy as np

from edgeml_runtime.errors import InputError, MissingToolError

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_ENDLESS = 0xFFFFFFFF  # the size that is written where a stream has no end yet
_RATES_HZ = (1_000, 1_000_000)
# Of the filter: zero crossings on a side, Kaiser's shape, and where it is 6 dB down.
_CROSSINGS, _BETA, _CUTOFF = 48, 9.0, 0.94
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
    sound, given_hz = read_wav(path)
    return resampled(sound, given_hz, rate_hz or given_hz)


def read_wav(path: Union[str, "os.PathLike[str]"]) -> tuple[np.ndarray, int]:
    """Return the sound of a WAVE file and its rate in Hz; see ``decode_wav``."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise _fault(path, f"cannot be read ({error.strerror})") from error
    return decode_wav(data, str(path))


def decode_wav(data: bytes, name: str) -> tuple[np.ndarray, int]:
    """Return the sound in the bytes of a WAVE file (n,), from -1 to 1 in float32, and its rate.

    Channels are averaged. Integers of 8 to 32 bits and floats of 32 and 64 are read, also as
    WAVE_FORMAT_EXTENSIBLE.

    Raises:
        InputError: They are cut short, compressed or no WAVE file; *name* is for the text.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise _fault(name, "is no WAVE file")
    form, position = b"", 12
    while position + 8 <= len(data):
        chunk, size = data[position : position + 4], _whole(data, position + 4)
        position += 8
        if chunk == b"fmt ":
            form = data[position : position + size]
        elif chunk == b"data":
            if size != _ENDLESS and position + size > len(data):
                raise _fault(name, f"is cut short: {len(data) - position} of {size} bytes of sound")
            return _decoded(name, form, memoryview(data)[position : position + size])
        position += size + size % 2
    raise _fault(name, "has no sound in it")


def resampled(sound: np.ndarray, from_hz: float, to_hz: float) -> np.ndarray:
    """Return *sound* (n,) at another rate, in float32: ``ceil(n * to_hz / from_hz)`` samples.

    By a polyphase sinc in a Kaiser window: flat within 0.01 dB up to 0.87 of the lower of both
    Nyquist frequencies, and 90 dB down above it. Rates are exact to a millionth.

    Raises:
        InputError: The rates are more than a thousand times apart.
    """
    from fractions import Fraction  # noqa: PLC0415 - slow to import

    ratio = (Fraction(to_hz) / Fraction(from_hz)).limit_denominator(1000)
    if not 1e-3 <= ratio <= 1e3:
        raise InputError(
            f"The sound has {from_hz:g} samples a second, and {to_hz:g} are wanted.",
            "Give sound of a rate nearer to that of the model.",
        )
    if ratio == 1:
        return np.asarray(sound, np.float32)
    up, down = ratio.numerator, ratio.denominator
    cutoff = _CUTOFF * min(1.0, up / down)  # of the Nyquist frequency of from_hz
    reach = int(np.ceil(_CROSSINGS / cutoff))
    padded = np.pad(np.asarray(sound, np.float32), (reach, reach + down), "constant")
    taps = np.arange(-reach, reach + 1)
    count = -(-len(sound) * up // down)
    result = np.empty(count, np.float32)
    stride = padded.strides[0]
    for first in range(min(up, count)):
        start, phase = divmod(first * down, up)
        at = (taps - phase / up) * cutoff
        shape = np.i0(_BETA * np.sqrt(np.maximum(0.0, 1.0 - np.square(at / _CROSSINGS))))
        kernel = (np.sinc(at) * shape * (cutoff / np.i0(_BETA))).astype(np.float32)
        rows = -(-(count - first) // up)
        frames = np.lib.stride_tricks.as_strided(
            padded[start:], (rows, len(taps)), (stride * down, stride), writeable=False
        )
        result[first::up] = frames @ kernel
    return result


def _decoded(name: str, form: bytes, data: memoryview) -> tuple[np.ndarray, int]:
    if len(form) < 16:
        raise _fault(name, "does not say how its sound is stored")
    kind, channels, rate_hz, _, block, _ = struct.unpack("<HHIIHH", form[:16])
    if kind == _EXTENSIBLE and len(form) >= 26:
        kind = _whole(form, 24) & 0xFFFF
    width = block // channels if channels and block % channels == 0 else 0
    if width not in {_PCM: (1, 2, 3, 4), _FLOAT: (4, 8)}.get(kind, ()):
        raise _fault(name, f"is stored in a way that is not known (format {kind}, {width} bytes)")
    if not _RATES_HZ[0] <= rate_hz <= _RATES_HZ[1]:
        raise _fault(name, f"has {rate_hz} samples a second")
    data = data[: len(data) // block * block]
    if not data:
        raise _fault(name, "has no sound in it")
    sound = _values(data, kind, width).reshape(-1, channels).mean(1, dtype=np.float32)
    if not np.isfinite(sound).all():
        raise _fault(name, "holds NaN or infinite values")
    return sound, rate_hz


def _values(data: memoryview, kind: int, width: int) -> np.ndarray:
    if kind == _FLOAT:
        return np.frombuffer(data, f"<f{width}").astype(np.float32)
    if width == 1:
        return (np.frombuffer(data, np.uint8) - np.float32(128.0)) / np.float32(128.0)
    if width == 3:
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        data, width = memoryview(wide.tobytes()), 4
    return np.frombuffer(data, f"<i{width}") / np.float32(1 << (8 * width - 1))


def _whole(data: bytes, position: int) -> int:
    return int.from_bytes(data[position : position + 4], "little")


def _fault(name: object, problem: str) -> InputError:
    return InputError(f"{name}: {problem}.", "Give a whole WAVE file of integers or floats.")
