"""What is put into a bundle: the file itself, and golden vectors as a deterministic ``.npz``.

Inputs with the outputs of the source model have the keys ``SAMPLE/inputs/NAME`` and
``SAMPLE/outputs/NAME``; numpy's own ``load`` reads the file. ``numpy.savez`` is not used to write
it as it puts the time of day into the zip, nor ``numpy.load`` to read it as it believes the sizes
that a header claims. Format: numpy.lib.format, version 1.0.

The same manifest and files give the same bundle, whole or not at all.
"""

import io
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Union

import numpy as np

from edgeml_runtime.bundle.stored_zip import Content, read_directory, read_entry, write_entries
from edgeml_runtime.document import json_bytes, parse_json
from edgeml_runtime.errors import InputError
from edgeml_runtime.manifest import MANIFEST_NAME, MAX_MANIFEST_BYTES, Manifest

Tensors = dict[str, np.ndarray]

_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(
    rb"\{'descr': '([<|](?:f[248]|[iu][1248]|b1))', 'fortran_order': False, "
    rb"'shape': \((|\d{1,10},|\d{1,10}(?:, \d{1,10})+)\), \} *\n"
)
_REMEDY = "Make the bundle again with 'edgeml convert'."
_MANIFEST_REMEDY = "Give a manifest that can be read back."
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


def write_bundle(
    path: Union[str, "os.PathLike[str]"], manifest: Manifest, files: Mapping[str, Content]
) -> None:
    """Write the bundle *path*, replacing what is there in one step.

    Args:
        path: Where to write; its folder exists.
        manifest: What the bundle says of itself.
        files: Entry name to content: exactly the files that the manifest names.

    Raises:
        InputError: The manifest is not valid, a file is missing, not named by the manifest, or of
            another size or digest than it says; or the folder cannot be written.
    """
    document = manifest.to_json()
    Manifest.from_json(document)  # what cannot be read back is never written
    try:
        data = json_bytes(document)
    except ValueError as error:
        raise InputError(f"The manifest cannot be written: {error}.", _MANIFEST_REMEDY) from error
    parse_json(data, MANIFEST_NAME, _MANIFEST_REMEDY)
    if len(data) > MAX_MANIFEST_BYTES:
        raise InputError(f"The manifest has over {MAX_MANIFEST_BYTES} bytes.", _MANIFEST_REMEDY)
    _check_files(manifest, files)
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as stream:
            write_entries(stream, {**files, MANIFEST_NAME: data})
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written: {error.strerror or error}.",
            "Choose a folder that exists and can be written.",
        ) from error
    finally:
        with suppress(OSError):
            os.unlink(temporary)


def _check_files(manifest: Manifest, files: Mapping[str, Content]) -> None:
    import hashlib  # noqa: PLC0415 - slow to import

    digests = manifest.digests
    if files.keys() != digests.keys():
        difference = ", ".join(sorted(files.keys() ^ digests.keys()))
        raise InputError(
            f"The files of the bundle and its manifest differ in: {difference}.",
            "Give exactly the files that the manifest names.",
        )
    sizes = {variant.path: variant.size_bytes for variant in manifest.variants}
    for name, content in files.items():
        digest = hashlib.sha256(content).hexdigest()
        if digest != digests[name] or len(content) != sizes.get(name, len(content)):
            raise InputError(
                f"'{name}' is not the file that the manifest describes.",
                "Set sha256 and size_bytes from the very bytes that are written.",
            )
