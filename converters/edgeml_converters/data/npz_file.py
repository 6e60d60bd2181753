"""DATA as an ``.npz``: ``inputs`` (samples first) and, if there are any, ``labels``.

Rows are read from the archive one by one, compressed or not, so memory does not grow with the file.
The ``.npy`` layout is NEP 1 (numpy's enhancement proposal), read through ``numpy.lib.format``.
"""

import operator
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from edgeml_converters.data.source import RawSample, Source
from edgeml_runtime.errors import InputError
from edgeml_runtime.tensors import TensorSpec

_DAMAGE = (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error, RuntimeError)


@dataclass(frozen=True)
class _Header:
    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype


def open_npz(spec: str, inputs: tuple[TensorSpec, ...]) -> Source:
    """Return the rows of the file *spec*.

    A model of several inputs takes one array for each, by name, instead of ``inputs``.

    Raises:
        InputError: The file is missing or damaged, or has no ``inputs``, no rows, labels that are
            no integers or arrays of different lengths.
    """
    path = Path(spec)
    if not path.is_file():
        raise InputError(f"There is no file {path}.", "Check the path of the .npz.")
    headers = _headers(path)
    names = [tensor.name for tensor in inputs]
    if len(names) == 1 or not set(names) <= set(headers):
        names = ["inputs"]
    _check(path, headers, names)
    has_labels = "labels" in headers
    size = headers[names[0]].shape[0]
    return Source(spec, partial(_read, path, names, has_labels=has_labels), size)


def _headers(path: Path) -> dict[str, _Header]:
    headers = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.namelist():
                with archive.open(entry) as file:
                    headers[entry.removesuffix(".npy")] = _read_header(file)
    except _DAMAGE as error:
        raise _damaged(path, error) from error
    return headers


def _read_header(file: IO[bytes]) -> _Header:
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran_order, dtype = read(file)
    return _Header(shape, fortran_order, dtype)


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path} cannot be read as an .npz file: {error}.",
        "Write it again with numpy.savez(path, inputs=..., labels=...).",
    )


def _check(path: Path, headers: dict[str, _Header], names: list[str]) -> None:
    present = ", ".join(sorted(headers)) or "nothing"
    for name in names:
        if name not in headers:
            raise InputError(
                f"{path} has no array '{name}' (it holds {present}).",
                "Store the samples as 'inputs', with the samples along the first axis.",
            )
    labels = headers.get("labels")
    if labels is not None and (labels.dtype.kind not in "iu" or len(labels.shape) != 1):
        raise InputError(
            f"'labels' of {path} is {labels.dtype} of shape {labels.shape}.",
            "Labels are one integer class index a sample.",
        )
    arrays = {name: headers[name] for name in [*names, "labels"] if name in headers}
    for name, header in arrays.items():
        if header.dtype.hasobject or not header.shape:
            raise InputError(
                f"'{name}' of {path} is {header.dtype} {header.shape}, not rows of numbers.",
                "Store numbers only, with the samples along the first axis.",
            )
    lengths = {name: header.shape[0] for name, header in arrays.items()}
    if len(set(lengths.values())) != 1:
        counts = ", ".join(f"{count} {name}" for name, count in lengths.items())
        raise InputError(
            f"The arrays of {path} have different lengths: {counts}.",
            "Store one label and one input a sample.",
        )
    if not next(iter(lengths.values())):
        raise InputError(f"{path} holds no samples.", "Store at least one row in 'inputs'.")


def _read(path: Path, names: list[str], *, has_labels: bool) -> Iterator[RawSample]:
    columns = [_rows(path, name) for name in names]
    labels = _rows(path, "labels") if has_labels else None
    for index, row in enumerate(zip(*columns, strict=True)):
        label = None if labels is None else operator.index(next(labels)[()])
        value = row[0] if names == ["inputs"] else dict(zip(names, row, strict=True))
        if label is not None and label < 0:
            raise InputError(
                f"Row {index} of 'labels' in {path} is {label}.", "Class indices count from 0."
            )
        yield RawSample(value, label, f"Row {index} of {path}")


def _rows(path: Path, name: str) -> Iterator[np.ndarray]:
    """Yield the rows of one array; in Fortran order they lie scattered, so it is loaded whole."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
            header = _read_header(file)
            if header.fortran_order:
                file.seek(0)
                yield from npy.read_array(file, allow_pickle=False)
                return
            row_shape = header.shape[1:]
            row_bytes = header.dtype.itemsize * int(np.prod(row_shape, dtype=np.int64))
            for _ in range(header.shape[0]):
                data = file.read(row_bytes)
                if len(data) != row_bytes:
                    raise EOFError(f"'{name}' ends early")
                yield np.frombuffer(data, header.dtype).reshape(row_shape)
    except _DAMAGE as error:
        raise _damaged(path, error) from error
