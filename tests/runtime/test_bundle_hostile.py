"""Bundles made by hand to deceive a reader, and paths that are no files."""

import gc
import io
import os
import struct
import sys
import threading
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from edgeml_runtime.bundle import open_bundle, unpack_golden
from edgeml_runtime.bundle.stored_zip import write_entries
from edgeml_runtime.document import json_bytes
from edgeml_runtime.errors import InputError
from edgeml_runtime.manifest import Manifest

BundleMaker = Callable[..., Path]
Files = tuple[Manifest, dict[str, bytes]]

CENTRAL, LOCAL, END = b"PK\1\2", b"PK\3\4", b"PK\5\6"

# Where fields lie in a line of the directory, and in a local header (APPNOTE 4.3.12, 4.3.7).
CENTRAL_FIELDS = {
    "made by": 4,
    "version": 6,
    "flags": 8,
    "method": 10,
    "time": 12,
    "date": 14,
    "CRC": 16,
    "compressed size": 20,
    "size": 24,
    "name length": 28,
    "extra length": 30,
    "comment length": 32,
    "disk": 34,
    "internal attributes": 36,
    "external attributes": 38,
    "offset": 42,
    "name": 46,
}
LOCAL_FIELDS = {"version": 4, "flags": 6, "method": 8, "time": 10, "date": 12, "CRC": 14} | {
    "compressed size": 18,
    "size": 22,
    "name length": 26,
    "extra length": 28,
    "name": 30,
}
END_FIELDS = {"disk": 4, "start disk": 6, "here": 8, "count": 10, "length": 12, "start": 16} | {
    "comment length": 20
}


@pytest.fixture
def whole(make_bundle: BundleMaker) -> bytes:
    """Return the bytes of a valid bundle."""
    return make_bundle("pool").read_bytes()


@pytest.fixture
def refused(tmp_path: Path) -> Callable[[bytes], str]:
    """Return a call that wants a bundle of these bytes to be refused; it returns the words."""

    def refused(content: bytes) -> str:
        path = tmp_path / "hostile.edgeml"
        path.write_bytes(content)
        with pytest.raises(InputError) as caught:
            open_bundle(path)
        assert "hostile.edgeml" in caught.value.problem
        return caught.value.problem

    return refused


def _directory(whole: bytes) -> int:
    return int.from_bytes(whole[-6:-2], "little")


def _set(content: bytes, place: int, number: int, size: int) -> bytes:
    return content[:place] + struct.pack("<Q", number)[:size] + content[place + size :]


@pytest.mark.parametrize(
    ("mark", "place"),
    [
        pytest.param(mark, place, id=f"{kind} {name}")
        for kind, mark, fields in (
            ("directory", CENTRAL, CENTRAL_FIELDS),
            ("header", LOCAL, LOCAL_FIELDS),
            ("end", END, END_FIELDS),
        )
        for name, place in fields.items()
    ],
)
def test_every_other_value_of_a_field_is_refused(
    whole: bytes, refused: Callable[[bytes], str], mark: bytes, place: int
) -> None:
    start = whole.rindex(mark) + place
    for number in (0, 1, 8, 0x20, 0x800, 0x7FFF, 0xFFFF):
        other = _set(whole, start, number, 2)
        if other != whole:
            refused(other)


def test_bytes_before_after_and_between_are_refused(
    whole: bytes, refused: Callable[[bytes], str]
) -> None:
    directory = _directory(whole)
    second = whole.index(LOCAL, 4)
    for place in (0, second, directory, whole.rindex(END), len(whole)):
        refused(whole[:place] + b"#!/bin/sh\n" + whole[place:])
    refused(whole + whole)
    refused(whole[:-2] + b"\4\0note")  # a comment


def test_a_prefix_with_offsets_that_fit_is_refused(
    whole: bytes, refused: Callable[[bytes], str]
) -> None:
    # As in a self-extracting archive: every offset is right, but the first entry is not first.
    prefix = b"\x7fELF" + bytes(60)
    moved = bytearray(prefix + whole)
    place = _directory(whole) + len(prefix)
    while moved[place : place + 4] == CENTRAL:
        (offset,) = struct.unpack_from("<L", moved, place + 42)
        struct.pack_into("<L", moved, place + 42, offset + len(prefix))
        place += 46 + struct.unpack_from("<H", moved, place + 28)[0]
    (start,) = struct.unpack_from("<L", moved, place + 16)
    struct.pack_into("<L", moved, place + 16, start + len(prefix))
    zipfile.ZipFile(io.BytesIO(moved)).close()  # others take it
    assert "out of place" in refused(bytes(moved))


def test_entries_that_share_bytes_are_refused(
    whole: bytes, refused: Callable[[bytes], str]
) -> None:
    first = _directory(whole)
    second = whole.index(CENTRAL, first + 4)
    assert "out of place" in refused(_set(whole, second + 42, 0, 4))  # at the first entry
    assert "out of place" in refused(_set(whole, second + 42, first, 4))  # in the directory


def test_a_local_header_of_another_name_is_refused(
    whole: bytes, refused: Callable[[bytes], str]
) -> None:
    other = whole.replace(b"golden.npz", b"g0lden.npz", 1)
    assert "not where the directory says, or is another there" in refused(other)


def test_zip64_is_refused(whole: bytes, refused: Callable[[bytes], str]) -> None:
    end = whole.rindex(END)
    record = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 4, 4, 0, _directory(whole))
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, end, 1)
    refused(whole[:end] + record + locator + whole[end:])
    refused(whole[:end] + record + locator + _set(whole[end:], 8, 2**64 - 1, 8))


@pytest.mark.parametrize(
    "names",
    [
        ("../a", "/a", "a//b", "a/", "C:a", "a\\b"),
        ("a\0b", "a\nb", "a\x7f", "a\x9b31m", "..", "a.", "a "),
        ("GOLDEN.NPZ", "golden.npz ", "Manifest.json", "models", "signature.jso\u0144"),
    ],
)
def test_names_that_no_manifest_can_hold_are_refused(
    pool: Files, refused: Callable[[bytes], str], names: tuple[str, ...]
) -> None:
    manifest, files = pool
    for name in names:
        stream = io.BytesIO()
        write_entries(stream, {"manifest.json": json_bytes(manifest.to_json()), **files, name: b""})
        assert "is not named by the manifest" in refused(stream.getvalue())


def test_a_name_that_is_no_text_is_refused(whole: bytes, refused: Callable[[bytes], str]) -> None:
    assert "damaged directory" in refused(whole.replace(b"golden.npz", b"golden.np\xff"))


def test_more_entries_than_there_are_bytes_are_refused(refused: Callable[[bytes], str]) -> None:
    for count, length in ((0, 0), (1, 0), (65535, 0), (1, 46), (65535, 2**32 - 1)):
        refused(struct.pack("<4s4H2LH", END, 0, 0, count, count, length, 0, 0))
    assert "too many" in refused(bytes(5000) + struct.pack("<4s4H2LH", END, 0, 0, 1, 1, 5000, 0, 0))


def test_a_manifest_that_is_too_large_or_too_deep_is_refused(
    pool: Files, refused: Callable[[bytes], str]
) -> None:
    manifest, files = pool
    right = json_bytes(manifest.to_json())
    for spoilt, words in (
        (right + b" " * 4 * 1024 * 1024, "is larger than"),
        (right[:-2] + b',"more":' + b"[" * 64 + b"]" * 64 + b"}", "nested more than"),
        (right[:-2] + b',"more":' + b"9" * 21 + b"}", "is too large"),
        (right[:-2] + b',"name":"other"}', "stands twice"),
        (b"\xef\xbb\xbf" + right, "not valid JSON"),
    ):
        stream = io.BytesIO()
        write_entries(stream, {**files, "manifest.json": spoilt})
        assert words in refused(stream.getvalue())


def test_keys_from_the_future_are_left_alone(tmp_path: Path, pool: Files) -> None:
    manifest, files = pool
    document = {**manifest.to_json(), "more": {"a": [1]}}
    path = tmp_path / "newer.edgeml"
    with path.open("wb") as stream:
        write_entries(stream, {**files, "manifest.json": json_bytes(document)})
    assert open_bundle(path).manifest == manifest


def test_every_truncation_is_refused(whole: bytes, refused: Callable[[bytes], str]) -> None:
    for size in range(len(whole)):
        refused(whole[:size])


def test_every_truncation_of_golden_vectors_is_refused(pool: Files) -> None:
    data = pool[1]["golden.npz"]
    for size in range(len(data)):
        with pytest.raises(InputError):
            unpack_golden(data[:size])


def test_golden_vectors_with_a_changed_byte_are_refused_or_differ_in_nothing(pool: Files) -> None:
    data = pool[1]["golden.npz"]
    for place in range(len(data)):
        with pytest.raises(InputError):
            unpack_golden(data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :])


def test_what_is_no_plain_file_is_refused_without_waiting(tmp_path: Path) -> None:
    fifo = tmp_path / "pipe.edgeml"
    os.mkfifo(fifo)
    for path in (fifo, Path("/dev/zero"), Path("/dev/null")):
        with pytest.raises(InputError, match="is no plain file"):
            open_bundle(path)
    for name in ("a\0b", "x" * 300):
        with pytest.raises(InputError, match="cannot be read"):
            open_bundle(name)


def test_links_are_followed_and_loops_are_refused(make_bundle: BundleMaker, tmp_path: Path) -> None:
    link = tmp_path / "current.edgeml"  # as a deployment switches versions
    link.symlink_to(make_bundle("pool"))
    assert open_bundle(link).manifest.name == "pool"
    loop = tmp_path / "loop.edgeml"
    loop.symlink_to(loop)
    with pytest.raises(InputError, match=r"loop.edgeml: cannot be read"):
        open_bundle(loop)


def test_a_file_that_is_replaced_is_not_mixed_with_its_successor(
    make_bundle: BundleMaker, pool: Files
) -> None:
    path = make_bundle("pool")
    bundle = open_bundle(path)
    make_bundle("pool", serial=8, golden=None)
    assert bundle.read("golden.npz") == pool[1]["golden.npz"]
    assert open_bundle(path).manifest.golden is None


def test_a_file_that_changes_under_the_reader_is_refused(
    make_bundle: BundleMaker, whole: bytes
) -> None:
    path = make_bundle("pool")
    bundle = open_bundle(path)
    with path.open("r+b") as stream:  # the same file, written to in place
        stream.seek(whole.index(b"NUMPY") + 150)
        stream.write(b"??")
    with pytest.raises(InputError, match="not the file that the manifest describes"):
        bundle.read("golden.npz")
    os.truncate(path, 100)
    with pytest.raises(InputError, match="not the file that the manifest describes"):
        bundle.read("models/float32.onnx")


def test_a_bundle_may_be_read_by_several_threads(make_bundle: BundleMaker, pool: Files) -> None:
    bundle = open_bundle(make_bundle("pool"))
    wrong: list[str] = []

    def read(files: Mapping[str, bytes]) -> None:
        for _ in range(50):
            wrong.extend(name for name in files if bundle.read(name) != files[name])

    threads = [threading.Thread(target=read, args=(pool[1],)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(sys.platform != "linux", reason="counts the files of the process")
def test_a_file_that_is_refused_or_forgotten_is_closed(
    make_bundle: BundleMaker, whole: bytes, refused: Callable[[bytes], str]
) -> None:
    descriptors = Path("/proc/self/fd")
    gc.collect()  # of earlier tests
    before = len(list(descriptors.iterdir()))
    bundle = open_bundle(make_bundle("pool"))
    assert len(list(descriptors.iterdir())) == before + 1
    del bundle
    refused(whole[:-1])
    gc.collect()  # pytest keeps the error in a cycle
    assert len(list(descriptors.iterdir())) == before
