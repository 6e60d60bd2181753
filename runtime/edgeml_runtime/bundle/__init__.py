"""The bundle ``NAME.edgeml``: a zip of the manifest, the models and the golden vectors.

Bundles come from anywhere: nothing is trusted before it is checked.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Callable, Union

from edgeml_runtime.bundle.stored_zip import REMEDY, Entry, read_directory, read_entry, refusal
from edgeml_runtime.document import parse_json
from edgeml_runtime.errors import InputError
from edgeml_runtime.manifest import MANIFEST_NAME, MAX_MANIFEST_BYTES, SIGNATURE_NAME, Manifest
from edgeml_runtime.memory import keep, private_folder

if TYPE_CHECKING:
    from pathlib import Path

    from edgeml_runtime.bundle.contents import pack_golden, unpack_golden, write_bundle

__all__ = ["Bundle", "open_bundle", "pack_golden", "unpack_golden", "write_bundle"]


_KEPT_BYTES = 1024 * 1024 * 1024  # of unpacked models in all
_STEP_BYTES = 256 * 1024
_LARGEST_STEP = 1024 * 1024 * 1024  # one read of Linux gives less than 2 GiB
_NOTHING = Entry(0, 0, 0)


class Bundle:
    """A bundle whose structure and manifest were checked; made by ``open_bundle``.

    It keeps its file open, so that what replaces the file is not mixed with it. Contents are read,
    and their digests checked, when they are asked for.
    """

    def __init__(self, path: str, descriptor: int) -> None:
        self._descriptor = descriptor
        self._path = path
        self._entries = read_directory(self._bytes, os.fstat(descriptor).st_size, path)
        if MANIFEST_NAME not in self._entries:
            raise refusal(path, f"has no {MANIFEST_NAME}")
        where = f"{path}, {MANIFEST_NAME}"
        if self._entries[MANIFEST_NAME].size > MAX_MANIFEST_BYTES:
            raise refusal(where, f"is larger than {MAX_MANIFEST_BYTES} bytes")
        data = read_entry(self._bytes, self._entries[MANIFEST_NAME], where)
        self.manifest = Manifest.from_json(parse_json(data, where, REMEDY), where)
        _check_entries(path, self.manifest, self._entries)

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        close(self._descriptor)

    @property
    def path(self) -> "Path":
        """Where it was when it was opened."""
        from pathlib import Path  # noqa: PLC0415 - slow to import

        return Path(self._path)

    def read(self, name: str) -> bytes:
        """Return the file *name*.

        Raises:
            InputError: The manifest does not name it, or the file is damaged or not the one that
                the manifest describes.
        """
        if name not in self.manifest.digests:
            known = ", ".join(sorted(self.manifest.digests))
            raise InputError(f"{self._path}: holds no file '{name}'.", f"Use one of: {known}.")
        entry, digest = self._entries[name], self.manifest.digests[name]
        try:
            parts = _checked(self._descriptor, entry.offset, entry.size, digest, _LARGEST_STEP)
            return b"".join(parts)
        except (OSError, ValueError) as error:
            raise refusal(self._path, f"'{name}' {error}") from error

    def file(self, name: str) -> Union[str, bytes]:
        """Return the model *name* for an engine: a path if it can be kept, else its bytes.

        A path costs less memory: TFLite maps a file, and onnxruntime holds on to bytes. The file is
        named by its digest, which is checked again each time.

        Raises:
            InputError: As ``read``.
        """
        entry = self._entries.get(name, _NOTHING)
        if name not in self.manifest.digests:
            return self.read(name)
        digest = self.manifest.digests[name]
        try:
            folder = private_folder("models")
            path = os.path.join(folder, digest)
            if not _is_kept(path, entry.size, digest):
                room = os.statvfs(folder)
                if room.f_bavail * room.f_frsize < 2 * entry.size:
                    return self.read(name)  # a cache must not fill the disk
                parts = _checked(self._descriptor, entry.offset, entry.size, digest, _STEP_BYTES)
                keep(path, parts, _KEPT_BYTES)
        except (OSError, ValueError):
            return self.read(name)
        return path

    def _bytes(self, offset: int, size: int) -> bytes:
        """Return *size* bytes from *offset* on, fewer where the file ends."""
        try:
            return os.pread(self._descriptor, size, offset)
        except OSError as error:
            raise refusal(self._path, str(error)) from error


def open_bundle(path: Union[str, "os.PathLike[str]"]) -> Bundle:
    """Open the bundle *path* and check all but the content of its files.

    Raises:
        InputError: It cannot be read, is no plain file, is not of the form that ``write_bundle``
            writes, lacks files or holds unknown ones, or has a manifest that is not valid or of a
            newer schema.
    """
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):  # to open a pipe or a device does something
            kind = "a folder" if stat.S_ISDIR(mode) else "no plain file"
            raise InputError(f"{path}: is {kind}, not a bundle.", "Give the .edgeml file.")
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError)
        reason = "there is no such file" if missing else f"cannot be read: {error}"
        raise InputError(f"{path}: {reason}.", "Give a .edgeml file.") from error
    return Bundle(os.fspath(path), descriptor)


def _check_entries(path: str, manifest: Manifest, entries: Mapping[str, Entry]) -> None:
    digests = manifest.digests
    for name in sorted(digests.keys() - entries.keys()):
        raise refusal(path, f"'{name}' is named by the manifest and missing")
    for name in sorted(entries.keys() - digests.keys() - {MANIFEST_NAME, SIGNATURE_NAME}):
        raise refusal(path, f"'{name}' is not named by the manifest")
    for variant in manifest.variants:
        found, said = entries[variant.path].size, variant.size_bytes
        if found != said:
            raise refusal(path, f"'{variant.path}' has {found} bytes, and the manifest says {said}")


def _checked(descriptor: int, offset: int, size: int, digest: str, step: int) -> Iterator[bytes]:
    """Yield that part of a file, *step* bytes at a time; ValueError at its end if it is another."""
    import hashlib  # noqa: PLC0415 - slow to import

    found = hashlib.sha256()
    for start in range(offset, offset + size, step):
        part = os.pread(descriptor, min(step, offset + size - start), start)
        found.update(part)
        yield part
    if found.hexdigest() != digest:
        raise ValueError("is not the file that the manifest describes")


def _is_kept(path: str, size: int, digest: str) -> bool:
    try:
        with open(path, "rb") as stream:
            for _ in _checked(stream.fileno(), 0, size, digest, _STEP_BYTES):
                pass  # only the check is wanted
            return os.fstat(stream.fileno()).st_size == size
    except (FileNotFoundError, ValueError):
        return False


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the names differ in type
    """Load what a program that only reads a bundle does not need."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from edgeml_runtime.bundle import contents  # noqa: PLC0415 - as said

    return getattr(contents, name)
