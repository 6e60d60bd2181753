"""Zip files of one exact form: written byte for byte the same, and read in that form only.

The entries are stored, sorted by name, one behind the other from the first byte on; their directory
follows and ends the file. So a reader has nothing to decide: links, gaps, overlaps, hidden bytes,
headers that contradict each other are all another form. It knows nothing of what the entries mean.
Format: PKWARE APPNOTE 6.3, restricted as docs/bundle.md says.
"""

import struct
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, BinaryIO, Callable, NamedTuple, Union

from edgeml_runtime.errors import InputError

if TYPE_CHECKING:
    from mmap import mmap

MAX_ENTRIES = 10_000
MAX_NAME_BYTES = 1000
REMEDY = "Copy the bundle again, or make it anew with 'edgeml convert'."

Content = Union[bytes, "mmap"]
Read = Callable[[int, int], bytes]  # of an offset and a size; gives fewer bytes at the file's end

# Version, flags, method, time, date, CRC-32, size twice, lengths of the name and the extra field.
_FIXED = struct.Struct("<5H3L2H")
# Length of the comment, disk, two kinds of attributes, offset of the entry.
_PLACE = struct.Struct("<3H2L")
_END = struct.Struct("<4s4H2LH")
_CENTRAL_BYTES = 6 + _FIXED.size + _PLACE.size
_VERSION, _DATE, _UTF8 = 20, 33, 0x800  # the date is 1980-01-01: a bundle has no time of its own
_PLAIN_FILE = 0o100644 << 16  # the mode, where zips made by Unix have it
_MAX_BYTES = 2**32 - 2**24  # with room for the directory: larger files have another form (zip64)


class Entry(NamedTuple):
    """Where the content of an entry lies in the file, and its CRC-32."""

    offset: int
    size: int
    crc: int


def write_entries(stream: BinaryIO, entries: Mapping[str, Content]) -> None:
    """Write *entries* as a zip.

    Raises:
        InputError: They are too many or too large for one.
    """
    offset, directory = 0, bytearray()
    for name, content in sorted(entries.items()):
        encoded = name.encode("utf-8")
        end = offset + len(content) + len(directory)
        if end > _MAX_BYTES or len(encoded) > MAX_NAME_BYTES or len(entries) > MAX_ENTRIES:
            raise InputError(
                f"'{name[:60]}' makes the bundle too large, or is one name too many or too long.",
                f"Keep to 4 GB, {MAX_ENTRIES} entries and {MAX_NAME_BYTES} bytes a name.",
            )
        local, central = _headers(encoded, zlib.crc32(content), len(content), offset)
        stream.write(local)
        stream.write(content)
        directory += central
        offset += len(local) + len(content)
    stream.write(directory + _end(len(entries), len(directory), offset))


def read_directory(read: Read, size: int, where: object) -> dict[str, Entry]:
    """Return the entries by name; InputError if the *size* bytes have not the one form.

    *where* names the file in the error.
    """
    tail = read(max(size - _END.size, 0), _END.size)
    *_, count, length, start, _ = _END.unpack(tail.rjust(_END.size))
    if tail != _end(count, length, start) or start + length + _END.size != size:
        raise refusal(where, "is not a whole bundle: bytes are missing, or were put in")
    if count > MAX_ENTRIES or length > count * (_CENTRAL_BYTES + MAX_NAME_BYTES):
        raise refusal(where, f"has {count} entries in {length} bytes, which are too many")
    directory = read(start, length)
    entries: dict[str, Entry] = {}
    position = offset = 0
    last = b""
    while position < length:
        try:
            *_, crc, _, content_bytes, name_bytes, _ = _FIXED.unpack_from(directory, position + 6)
            name_start = position + _CENTRAL_BYTES
            encoded = directory[name_start : name_start + name_bytes]
            name = encoded.decode("utf-8")
        except (struct.error, UnicodeDecodeError) as error:
            raise refusal(where, f"has a damaged directory ({error})") from error
        local, central = _headers(encoded, crc, content_bytes, offset)
        if not directory.startswith(central, position):
            raise refusal(
                where, f"'{name}' is encrypted, compressed, no plain file or out of place"
            )
        if encoded <= last:
            raise refusal(where, f"'{name}' stands twice, or not in the order of names")
        if read(offset, len(local)) != local:
            raise refusal(where, f"'{name}' is not where the directory says, or is another there")
        offset += len(local)
        entries[name] = Entry(offset, content_bytes, crc)
        position, offset, last = position + len(central), offset + content_bytes, encoded
    if len(entries) != count or offset != start:
        raise refusal(where, "has bytes or entries that its directory does not tell of")
    return entries


def read_entry(read: Read, entry: Entry, where: object) -> bytes:
    """Return the content of an entry; InputError naming *where* when it is not whole."""
    content = read(entry.offset, entry.size)
    if len(content) != entry.size or zlib.crc32(content) != entry.crc:
        raise refusal(where, "is damaged")
    return content


def refusal(where: object, reason: str) -> InputError:
    """Return the error for a file that is not as edgeml writes it."""
    return InputError(f"{where}: {reason}.", REMEDY)


def _headers(name: bytes, crc: int, size: int, offset: int) -> tuple[bytes, bytes]:
    """Return the one form of an entry's header: before its content, and in the directory."""
    flags = 0 if name.isascii() else _UTF8
    fixed = _FIXED.pack(_VERSION, flags, 0, 0, _DATE, crc, size, size, len(name), 0)
    place = _PLACE.pack(0, 0, 0, _PLAIN_FILE, offset)
    return b"PK\3\4" + fixed + name, b"PK\1\2\x14\3" + fixed + place + name


def _end(count: int, length: int, start: int) -> bytes:
    return _END.pack(b"PK\5\6", 0, 0, count, count, length, start, 0)
