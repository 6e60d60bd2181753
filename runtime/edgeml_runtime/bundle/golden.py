"""Golden vectors as a deterministic ``.npz``: inputs with the outputs of the source model.

The keys are ``SAMPLE/inputs/NAME`` and ``SAMPLE/outputs/NAME``; numpy's own ``load`` reads the
file. ``numpy.savez`` is not used to write it as it puts the time of day into the zip, nor
``numpy.load`` to read it as it believes the sizes that a header claims.
Format: numpy.lib.format, version 1.0.
"""

import io
import re
from collections.abc import Mapping, Sequence

import numpy as np

from edgeml_runtime.bundle.stored_zip import read_directory, read_entry, write_entries
from edgeml_runtime.errors import InputError

Tensors = dict[str, np.ndarray]

_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(
    rb"\{'descr': '([<|](?:f[248]|[iu][1248]|b1))', 'fortran_order': False, "
    rb"'shape': \((|\d{1,10},|\d{1,10}(?:, \d{1,10})+)\), \} *\n"
)
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
    stream = io.BytesIO()
    write_entries(stream, entries)
    return stream.getvalue()


def unpack_golden(data: bytes) -> list[tuple[Tensors, Tensors]]:
    """Return ``(inputs, outputs)`` of every sample; the arrays are read-only.

    Raises:
        InputError: *data* is not what ``pack_golden`` returned.
    """

    def read(offset: int, size: int) -> bytes:
        return data[offset : offset + size]

    samples: dict[int, tuple[Tensors, Tensors]] = {}
    for key, entry in read_directory(read, len(data), "The golden vectors").items():
        index, part, name = _split_key(key)
        content = read_entry(read, entry, f"The golden vectors, '{key}'")
        samples.setdefault(index, ({}, {}))[_PARTS.index(part)][name] = _read_npy(key, content)
    if not samples or sorted(samples) != list(range(len(samples))):
        raise _refusal("the samples are not numbered from 0")
    return [samples[index] for index in range(len(samples))]


def _npy_bytes(name: str, array: np.ndarray) -> bytes:
    dtype = array.dtype.newbyteorder("<")
    # Written here, as numpy pads its headers differently from version to version.
    header = f"{{'descr': '{dtype.str}', 'fortran_order': False, 'shape': {array.shape}, }}"
    size_bytes = -(len(_MAGIC) + 2 + len(header) + 1) % 64 + len(header) + 1
    head = (header.ljust(size_bytes - 1) + "\n").encode("latin-1")
    if _HEADER.fullmatch(head) is None or "\0" in name:
        raise InputError(
            f"The golden tensor {name!r} is {array.dtype}.", "Use numeric tensors with plain names."
        )
    body = array.astype(dtype).tobytes(order="C")
    return _MAGIC + size_bytes.to_bytes(2, "little") + head + body


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
    body_start = start + int.from_bytes(data[len(_MAGIC) : start], "little")
    header = _HEADER.fullmatch(data[start:body_start])
    if not data.startswith(_MAGIC) or len(data) < body_start or header is None:
        raise _refusal(f"'{key}' is not a numeric array in C order")
    shape = tuple(int(size) for size in header[2].split(b",") if size)
    try:  # both refuse a body whose size is not that of the shape
        return np.frombuffer(data[body_start:], header[1].decode()).reshape(shape)
    except (OverflowError, ValueError) as error:
        raise _refusal(f"'{key}' is not of the shape {shape}") from error


def _refusal(reason: str) -> InputError:
    return InputError(f"The golden vectors are refused: {reason}.", _REMEDY)
