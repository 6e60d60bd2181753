"""Reads bundles that come from anywhere: nothing is trusted before it is checked."""

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Callable, Union

from edgeml_runtime.bundle.stored_zip import REMEDY, Entry, read_directory, read_entry, refusal
from edgeml_runtime.document import parse_json
from edgeml_runtime.errors import InputError
from edgeml_runtime.manifest import MANIFEST_NAME, MAX_MANIFEST_BYTES, SIGNATURE_NAME, Manifest


class Bundle:
    """A bundle whose structure and manifest were checked; made by ``open_bundle``.

    It keeps its file open, so that what replaces the file is not mixed with it. Contents are read,
    and their digests checked, when they are asked for.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self._descriptor = descriptor
        self.path = path
        self._entries = read_directory(self._bytes, os.fstat(descriptor).st_size, str(path))
        if MANIFEST_NAME not in self._entries:
            raise refusal(str(path), f"has no {MANIFEST_NAME}")
        where = f"{path}, {MANIFEST_NAME}"
        if self._entries[MANIFEST_NAME].size > MAX_MANIFEST_BYTES:
            raise refusal(where, f"is larger than {MAX_MANIFEST_BYTES} bytes")
        data = read_entry(self._bytes, self._entries[MANIFEST_NAME], where)
        self.manifest = Manifest.from_json(parse_json(data, where, REMEDY), where)
        _check_entries(str(path), self.manifest, self._entries)
        # It stands for the whole bundle: the manifest has every digest.
        self.manifest_sha256 = hashlib.sha256(data).hexdigest()

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        close(self._descriptor)

    def read(self, name: str) -> bytes:
        """Return the file *name*.

        Raises:
            InputError: The manifest does not name it, or the file is damaged or not the one that
                the manifest describes.
        """
        digests = self.manifest.digests
        if name not in digests:
            known = ", ".join(sorted(digests))
            raise InputError(f"{self.path}: holds no file '{name}'.", f"Use one of: {known}.")
        content = self._bytes(self._entries[name].offset, self._entries[name].size)
        if hashlib.sha256(content).hexdigest() != digests[name]:
            raise refusal(str(self.path), f"'{name}' is not the file that the manifest describes")
        return content

    def _bytes(self, offset: int, size: int) -> bytes:
        """Return *size* bytes from *offset* on, fewer where the file ends."""
        parts = []
        try:
            while size > 0:  # one call gives at most 2 GiB
                parts.append(os.pread(self._descriptor, size, offset))
                offset, size = offset + len(parts[-1]), size - len(parts[-1])
                if not parts[-1]:
                    break
        except OSError as error:
            raise refusal(str(self.path), f"cannot be read ({error.strerror})") from error
        return parts[0] if len(parts) == 1 else b"".join(parts)


def open_bundle(path: Union[str, "os.PathLike[str]"]) -> Bundle:
    """Open the bundle *path* and check all but the content of its files.

    Raises:
        InputError: It cannot be read, is no plain file, is not of the form that ``write_bundle``
            writes, lacks files or holds unknown ones, or has a manifest that is not valid or of a
            newer schema.
    """
    bundle_path = Path(path)
    try:
        mode = bundle_path.stat().st_mode
        if not stat.S_ISREG(mode):  # to open a pipe or a device does something
            kind = "a folder" if stat.S_ISDIR(mode) else "no plain file"
            raise InputError(f"{path}: is {kind}, not a bundle.", "Give the .edgeml file.")
        descriptor = os.open(bundle_path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else str(error)
        raise InputError(f"{path}: cannot be read: {reason}.", "Give a .edgeml file.") from error
    return Bundle(bundle_path, descriptor)


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
