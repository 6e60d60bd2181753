"""Golden vectors as a deterministic ``.npz``: inputs with the outputs of the source model.

The keys are ``SAMPLE/inputs/NAME`` and ``SAMPLE/outputs/NAME``; numpy's own ``load`` reads the
file. ``numpy.savez`` is not used to write it as it puts the time of day into the zip, nor
``numpy.load`` to read it as it believes the sizes that a header claims.
Format: numpy.lib.format, version 1.0.
"""

import ast
import io
import zipfile
from collections.abc import Mapping, Sequence

import numpy as np

from edgeml_runtime.bundle.stored_zip import (
    READ_ERRORS,
    pack_entries,
    read_directory,
    read_entry,
)
from edgeml_runtime.errors import InputError

Tensors = dict[str, np.ndarray]

_MAGIC = b"\x93NUMPY\x01\x00"
_REMEDY = "Make the bundle again with 'edgeml convert'."
_PARTS = ("inputs", "outputs")


def pack_golden(
    inputs: Sequence[Mapping[str, np.ndarray]], outputs: Sequence[Mapping[str, np.ndarray]]
) -> bytes:
    """Return the ``.npz`` of as many samples as there are in *inputs* and in *outputs*.

    Args:
        inputs: The model's inputs by name, in the source's layout, one mapping for each sample.
        outputs: What the source model gave for them.

    Raises:
        InputError: The counts differ, there is no sample, or an array is not numeric.
    """
    if len(inputs) != len(outputs) or not inputs:
        raise InputError(
            f"Golden vectors have {len(inputs)} inputs and {len(outputs)} outputs.",
            "Give the outputs of every input, of at least one.",
        )
    entries: dict[str, bytes] = {}
    for index, pair in enumerate(zip(inputs, outputs)):
        for part, tensors in zip(_PARTS, pair):
            for name, array in tensors.items():
                entries[f"{index}/{part}/{name}.npy"] = _npy_bytes(name, array)
    return pack_entries(entries)


def unpack_golden(data: bytes) -> list[tuple[Tensors, Tensors]]:
    """Return ``(inputs, outputs)`` of every sample; the arrays are read-only.

    Raises:
        InputError: *data* is not what ``pack_golden`` returned.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except READ_ERRORS as error:
        raise _refusal(f"not a whole .npz file ({error})") from error
    samples: dict[int, tuple[Tensors, Tensors]] = {}
    with archive:
        for key, entry in read_directory(archive, len(data)).items():
            index, part, name = _split_key(key)
            pair = samples.setdefault(index, ({}, {}))
            pair[_PARTS.index(part)][name] = _read_npy(key, read_entry(archive, entry))
    if not samples or sorted(samples) != list(range(len(samples))):
        raise _refusal("the samples are not numbered from 0")
    return [samples[index] for index in range(len(samples))]


def _npy_bytes(name: str, array: np.ndarray) -> bytes:
    if array.dtype.kind not in "fiub" or "\0" in name:
        raise InputError(
            f"The golden tensor {name!r} is {array.dtype}.", "Use numeric tensors with plain names."
        )
    dtype = array.dtype.newbyteorder("<")
    # Written here, as numpy pads its headers differently from version to version.
    header = f"{{'descr': '{dtype.str}', 'fortran_order': False, 'shape': {array.shape}, }}"
    size_bytes = -(len(_MAGIC) + 2 + len(header) + 1) % 64 + len(header) + 1
    head = header.ljust(size_bytes - 1) + "\n"
    body = array.astype(dtype).tobytes(order="C")
    return _MAGIC + size_bytes.to_bytes(2, "little") + head.encode("latin-1") + body


def _split_key(key: str) -> tuple[int, str, str]:
    index, _, rest = key.partition("/")
    part, _, name = rest.partition("/")
    if not (index.isascii() and index.isdigit() and len(index) < 7 and part in _PARTS):
        raise _refusal(f"'{key}' is not SAMPLE/inputs/NAME.npy or SAMPLE/outputs/NAME.npy")
    if not name.endswith(".npy") or str(int(index)) != index:
        raise _refusal(f"'{key}' is not an array")
    return int(index), part, name[: -len(".npy")]


def _read_npy(key: str, data: bytes) -> np.ndarray:
    start = len(_MAGIC) + 2
    header_bytes = int.from_bytes(data[len(_MAGIC) : start], "little")
    body = data[start + header_bytes :]
    if not data.startswith(_MAGIC) or len(data) < start + header_bytes:
        raise _refusal(f"'{key}' is not an array")
    try:
        header = ast.literal_eval(data[start : start + header_bytes].decode("latin-1").strip())
        dtype, shape = np.dtype(header["descr"]), header["shape"]
        if dtype.kind not in "fiub" or header["fortran_order"] is not False:
            raise _refusal(f"'{key}' is not a numeric array in C order")
        if any(type(size) is not int or size < 0 for size in shape):
            raise _refusal(f"'{key}' has the shape {shape}")
        # Both refuse a body whose size is not that of the shape.
        return np.frombuffer(body, dtype).reshape(shape)
    except (KeyError, MemoryError, RecursionError, SyntaxError, TypeError, ValueError) as error:
        raise _refusal(f"'{key}' has a damaged header ({type(error).__name__})") from error


def _refusal(reason: str) -> InputError:
    return InputError(f"The golden vectors are refused: {reason}.", _REMEDY)
