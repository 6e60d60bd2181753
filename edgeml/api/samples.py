"""The inputs of `edgeml.run`: files to arrays."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from edgeml_runtime.errors import InputError
from edgeml_runtime.samples import SOUND_SUFFIXES
from edgeml_runtime.sound import read_wav, resampled


@dataclass(frozen=True)
class NamedSample:
    """One sample and where it comes from, such as ``test.npz[3]``."""

    name: str
    value: np.ndarray


def read_samples(
    paths: Sequence[Path], limit: int, rate_hz: float | None = None
) -> tuple[NamedSample, ...]:
    """Return the samples in *paths*: one an image, sound or ``.npy``, at most *limit* an ``.npz``.

    Sounds are brought to *rate_hz*.

    Raises:
        InputError: A file is missing, damaged or of an unknown kind.
    """
    return tuple(sample for path in paths for sample in _read(path, limit, rate_hz))


def _read(path: Path, limit: int, rate_hz: float | None) -> Iterator[NamedSample]:
    suffix = path.suffix.lower()
    if not path.is_file():
        raise InputError(f"There is no input file {path}.", "Check the path.")
    if suffix == ".npy":
        yield NamedSample(path.name, _load_array(path))
    elif suffix == ".npz":
        rows = _load_rows(path)
        for index in range(min(limit, len(rows))):
            yield NamedSample(f"{path.name}[{index}]", rows[index])
    elif suffix in SOUND_SUFFIXES:
        sound, given_hz = read_wav(path)
        yield NamedSample(path.name, resampled(sound, given_hz, rate_hz or given_hz))
    else:
        yield NamedSample(path.name, _load_image(path))


def _load_array(path: Path) -> np.ndarray:
    try:
        array: np.ndarray = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(
            f"{path} cannot be read as an array: {error}.", "Save it with numpy.save."
        ) from error
    return array


def _load_rows(path: Path) -> np.ndarray:
    remedy = "Save the samples as `inputs`, the sample as the first axis, with numpy.savez."
    try:
        with np.load(path, allow_pickle=False) as arrays:
            names = list(arrays)
            rows: np.ndarray | None = arrays["inputs"] if "inputs" in names else None
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise InputError(f"{path} cannot be read as arrays: {error}.", remedy) from error
    if rows is not None and rows.shape[:1] == (0,):
        raise InputError(f"{path} holds no samples.", "Store at least one row in `inputs`.")
    if rows is None or rows.ndim == 0:
        held = ", ".join(names) or "nothing"
        raise InputError(f"{path} holds {held}, and no array `inputs` of samples.", remedy)
    return rows


def _load_image(path: Path) -> np.ndarray:
    # Decoding needs OpenCV, which arrays do without.
    from edgeml_converters.data.image_file import SUFFIXES, read_image  # noqa: PLC0415 - as said

    if path.suffix.lower() not in SUFFIXES:
        known = ", ".join(sorted((".npy", ".npz", *SOUND_SUFFIXES, *SUFFIXES)))
        raise InputError(f"{path} is not an input that is known.", f"Give one of {known}.")
    return read_image(path)
