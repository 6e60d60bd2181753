"""The inputs of `edgeml.run`: files to arrays."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from edgeml_runtime.errors import InputError
from edgeml_runtime.samples import SOUND_SUFFIXES, read_wav, resampled

ARRAYS = (".npy", ".npz")


@dataclass(frozen=True)
class NamedSample:
    """One sample and where it comes from, such as ``test.npz[3]``.

    Args:
        name: As text for people.
        value: The array, or for models with several inputs one for each, by name.
    """

    name: str
    value: np.ndarray | Mapping[str, np.ndarray]


def read_samples(
    paths: Sequence[Path], limit: int, inputs: Sequence[str] = (), rate_hz: float | None = None
) -> tuple[NamedSample, ...]:
    """Return the samples in *paths*: an image, sound or ``.npy`` is one, an ``.npz`` has several.

    Args:
        paths: Files, and folders of them.
        limit: How many samples to take from each ``.npz`` and folder at most.
        inputs: Names of the model's inputs, which an ``.npz`` may have arrays for.
        rate_hz: What sounds are brought to; their own rate by default.

    Raises:
        InputError: A file is missing, damaged or of an unknown kind.
    """
    found = []
    for path in paths:
        if path.is_dir():
            of_folder = (s for file in _files(path) for s in _read(file, limit, inputs, rate_hz))
            found += [sample for sample, _ in zip(of_folder, range(limit), strict=False)]
        else:
            found += _read(path, limit, inputs, rate_hz)
    return tuple(found)


def _files(folder: Path) -> list[Path]:
    known = {*ARRAYS, *SOUND_SUFFIXES, *_image_suffixes()}
    files = [
        file
        for file in sorted(folder.iterdir())
        if file.suffix.lower() in known and not file.name.startswith(".")
    ]
    if not files:
        raise InputError(
            f"The folder {folder} has no input in it.", f"Put files of {_listed(known)} there."
        )
    return files


def _read(
    path: Path, limit: int, inputs: Sequence[str], rate_hz: float | None
) -> Iterator[NamedSample]:
    suffix = path.suffix.lower()
    if not path.is_file():
        raise InputError(f"There is no input file {path}.", "Check the path.")
    if suffix == ".npy":
        yield NamedSample(path.name, _load_array(path))
    elif suffix == ".npz":
        rows = _load_rows(path, inputs)
        for index in range(min(limit, *map(len, rows.values()))):
            row = {name: array[index : index + 1] for name, array in rows.items()}
            value = row["inputs"][0] if list(row) == ["inputs"] else row
            yield NamedSample(f"{path.name}[{index}]", value)
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


def _load_rows(path: Path, inputs: Sequence[str]) -> Mapping[str, np.ndarray]:
    """Return arrays with the sample as the first axis: ``inputs``, or one for each input."""
    remedy = "Save the samples as `inputs`, the sample as the first axis, with numpy.savez."
    if len(inputs) > 1:
        remedy = f"Save {', '.join(inputs)}, the sample as the first axis, with numpy.savez."
    try:
        with np.load(path, allow_pickle=False) as arrays:
            names = list(arrays)
            is_by_input = "inputs" not in names and bool(inputs) and set(inputs) <= set(names)
            wanted = inputs if is_by_input else [name for name in names if name == "inputs"]
            rows: dict[str, np.ndarray] = {name: arrays[name] for name in wanted}
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise InputError(f"{path} cannot be read as arrays: {error}.", remedy) from error
    if any(array.shape[:1] == (0,) for array in rows.values()):
        raise InputError(f"{path} holds no samples.", "Store at least one row in `inputs`.")
    if not rows or any(array.ndim == 0 for array in rows.values()):
        held = ", ".join(names) or "nothing"
        raise InputError(f"{path} holds {held}, and no array `inputs` of samples.", remedy)
    return rows


def _load_image(path: Path) -> np.ndarray:
    # Decoding needs OpenCV, which arrays do without.
    from edgeml_converters.data.image_file import read_image  # noqa: PLC0415 - as said

    if path.suffix.lower() not in _image_suffixes():
        known = _listed({*ARRAYS, *SOUND_SUFFIXES, *_image_suffixes()})
        raise InputError(f"{path} is not an input that is known.", f"Give one of {known}.")
    return read_image(path)


def _image_suffixes() -> frozenset[str]:
    from edgeml_converters.data.image_file import SUFFIXES  # noqa: PLC0415 - as _load_image

    return SUFFIXES


def _listed(suffixes: set[str]) -> str:
    return ", ".join(sorted(suffixes))
