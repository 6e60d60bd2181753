"""Random changes of bundles that a reader does not see at once: lengths, sums and digests fit."""

import hashlib
import io
import json
import random
import re
import struct
from collections.abc import Callable
from typing import Any

from benchmarks.fuzzing.json_trees import changed
from edgeml_runtime.bundle.stored_zip import read_directory, write_entries
from edgeml_runtime.errors import InputError

Bytes = Callable[[bytes], bytes]

_NUMBERS = (0, 1, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 20, 8, 45)
_NAMES = (
    "../a",
    "/a",
    "a\\b",
    "A",
    "manifest.json",
    "signature.json",
    "0/inputs/x.npy",
    "\u00e9",
    "a/",
)


def changed_bundle(data: bytes, choose: random.Random, mutate: Bytes) -> bytes:
    """Return *data* changed: as bytes, in a field of the zip, or in what its entries hold."""
    kind = choose.random()
    if kind < 0.2:
        return mutate(data)
    if kind < 0.35:
        return _field_changed(data, choose)
    entries = _entries(data)
    if not entries:
        return mutate(data)
    if kind < 0.45:
        _entry_changed(entries, choose)
    elif kind < 0.75 and "manifest.json" in entries:
        entries["manifest.json"] = changed(entries["manifest.json"], choose, mutate)
        return _zipped(entries)
    else:
        name = choose.choice(sorted(entries))
        inner = _entries(entries[name])
        if inner and choose.random() < 0.9:
            _golden_changed(inner, choose, mutate)
            entries[name] = _zipped(inner)
        else:
            entries[name] = mutate(entries[name])
    if choose.random() < 0.9:
        _fit_digests(entries)
    return _zipped(entries)


def _field_changed(data: bytes, choose: random.Random) -> bytes:
    """Return *data* with a number near the start of a header set to another."""
    marks = [found.start() for found in re.finditer(b"PK[\1\3\5]", data)]
    if not marks:
        return data
    place = choose.choice(marks) + choose.randrange(50)
    size = choose.choice((1, 2, 4))
    number = choose.choice(_NUMBERS) if choose.random() < 0.7 else choose.getrandbits(32)
    field = struct.pack("<Q", number)[:size]
    return data[:place] + field + data[place + size :]


def _entry_changed(entries: dict[str, bytes], choose: random.Random) -> None:
    name = choose.choice(sorted(entries))
    if choose.random() < 0.5:
        entries[choose.choice((*_NAMES, name.upper(), name + " "))] = entries[name]
    else:
        del entries[name]


def _golden_changed(inner: dict[str, bytes], choose: random.Random, mutate: Bytes) -> None:
    name = choose.choice(sorted(inner))
    content = inner[name]
    kind = choose.randrange(4)
    if kind == 0:
        inner[name] = content[:10] + mutate(content[10:128])[:200] + content[128:]
    elif kind == 1:
        shape = ", ".join(
            str(choose.choice((0, 1, -1, 4, 10**9, 10**20))) for _ in range(choose.randrange(5))
        )
        kind_name = choose.choice(
            ("<f4", ">f4", "<f8", "<f2", "|O", "|V8", "<U4", "<c8", "|b1", "<i8")
        )
        order = choose.choice(("False", "True"))
        header = f"{{'descr': '{kind_name}', 'fortran_order': {order}, 'shape': ({shape},), }}\n"
        inner[name] = (
            b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode() + content[128:]
        )
    elif kind == 2:
        inner[name] = mutate(content)
    else:
        inner[choose.choice((name + "x", "1/" + name, "0/outputs/y.npy", "99/inputs/x.npy"))] = (
            content
        )


def _entries(data: bytes) -> dict[str, bytes]:
    try:
        found = read_directory(lambda start, size: data[start : start + size], len(data), "data")
    except InputError:
        return {}
    return {name: data[entry.offset :][: entry.size] for name, entry in found.items()}


def _zipped(entries: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    try:
        write_entries(stream, entries)
    except (InputError, UnicodeEncodeError):
        return b""
    return stream.getvalue()


def _fit_digests(entries: dict[str, bytes]) -> None:
    """Make the manifest tell the digests and sizes of what is there."""
    try:
        manifest = json.loads(entries["manifest.json"])
        records: list[dict[str, Any]] = [*manifest["variants"], manifest["golden"]]
        for record in records:
            if record and record["path"] in entries:
                content = entries[record["path"]]
                record["sha256"] = hashlib.sha256(content).hexdigest()
                record["size_bytes"] = len(content)
    except (KeyError, TypeError, ValueError, RecursionError):
        return
    entries["manifest.json"] = json.dumps(manifest).encode("utf-8")
