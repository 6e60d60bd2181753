"""Sound files: reading ``.wav``, and changing the rate of samples.

It must not know models or bundles.
"""

import os
import struct
from fractions import Fraction
from pathlib import Path
from typing import Union

import numpy as np

from edgeml_runtime.errors import InputError

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_ENDLESS = 0xFFFFFFFF  # the size that is written where a stream has no end yet
_RATES_HZ = (1_000, 1_000_000)
# Of the filter: zero crossings on a side, Kaiser's shape, and where it is 6 dB down.
_CROSSINGS, _BETA, _CUTOFF = 48, 9.0, 0.94


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
