"""Zip files with stored entries: written byte for byte the same, read without trust.

It knows the zip format as bundles use it (entries stored, plain relative names, no links) and
nothing of what the entries mean. Format: PKWARE APPNOTE 6.3.
"""

import io
import stat
import zipfile
from collections.abc import Mapping
from mmap import mmap
from typing import BinaryIO, Union

from edgeml_runtime.errors import InputError

MAX_ENTRIES = 1000

Content = Union[bytes, mmap]

_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold: a bundle has no time of its own
_UNIX = 3
_ENCRYPTED = 0x1

# All that the standard library was seen or is documented to raise on bytes that are no good zip.
READ_ERRORS = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


def write_entries(stream: BinaryIO, entries: Mapping[str, Content]) -> None:
    """Write *entries* as a zip: stored, sorted by name, with fixed dates and permissions."""
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(entries):
            info = zipfile.ZipInfo(name, _DATE)
            info.create_system = _UNIX
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(info, entries[name])


def pack_entries(entries: Mapping[str, bytes]) -> bytes:
    """Return the bytes that ``write_entries`` writes."""
    stream = io.BytesIO()
    write_entries(stream, entries)
    return stream.getvalue()


def read_directory(archive: zipfile.ZipFile, size_bytes: int) -> dict[str, zipfile.ZipInfo]:
    """Return the entries of *archive* by name, after checking that each is a plain stored file.

    Args:
        archive: An open zip.
        size_bytes: The size of the whole file, which bounds what its stored entries can hold.

    Raises:
        InputError: Compressed, encrypted or linked entries, repeated names, or sizes that the file
            cannot hold.
    """
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise _refusal(
            archive, f"it has {len(entries)} entries, and at most {MAX_ENTRIES} are allowed"
        )
    if sum(max(entry.file_size, entry.compress_size) for entry in entries) > size_bytes:
        raise _refusal(archive, "its entries claim to be larger than the file")
    for entry in entries:
        _check_entry(archive, entry)
    by_name = {entry.filename: entry for entry in entries}
    if len({name.casefold() for name in by_name}) != len(entries):
        raise _refusal(archive, "it holds two entries of one name")
    return by_name


def read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Return the bytes of an entry that ``read_directory`` gave; InputError when it is damaged."""
    try:
        return archive.read(entry)
    except READ_ERRORS as error:
        raise _refusal(archive, f"'{entry.filename}' is damaged ({error})") from error


def _check_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG) or entry.is_dir():
        raise _refusal(archive, f"'{entry.filename}' is not a plain file")
    if entry.flag_bits & _ENCRYPTED:
        raise _refusal(archive, f"'{entry.filename}' is encrypted")
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        raise _refusal(archive, f"'{entry.filename}' is compressed")


def _refusal(archive: zipfile.ZipFile, reason: str) -> InputError:
    where = archive.filename or "The golden vectors"  # which are an archive within the bundle
    return InputError(f"{where}: {reason}.", "Copy the file again, or make it anew with edgeml.")
