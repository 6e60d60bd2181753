"""Reads bundles that come from anywhere: nothing is trusted before it is checked."""

import hashlib
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Union

from edgeml_runtime.bundle.stored_zip import READ_ERRORS, read_directory, read_entry
from edgeml_runtime.document import parse_json
from edgeml_runtime.errors import InputError
from edgeml_runtime.manifest import MANIFEST_NAME, SIGNATURE_NAME, Manifest

_MAX_MANIFEST_BYTES = 16 * 1024 * 1024
_REMEDY = "Copy the bundle again, or make it anew with 'edgeml convert'."


class Bundle:
    """A bundle whose structure and manifest were checked; made by ``open_bundle``.

    Files are read, and their digests checked, when they are asked for.
    """

    def __init__(
        self, path: Path, manifest: Manifest, manifest_sha256: str, digests: Mapping[str, str]
    ) -> None:
        self.path = path
        self.manifest = manifest
        self.manifest_sha256 = manifest_sha256  # stands for the whole bundle: it has every digest
        self._digests = digests

    def read(self, name: str) -> bytes:
        """Return the file *name*.

        Raises:
            InputError: The manifest does not name it, or the file is damaged or not the one that
                the manifest describes.
        """
        digest = self._digests.get(name)
        if digest is None:
            known = ", ".join(sorted(self._digests))
            raise InputError(f"{self.path}: holds no file '{name}'.", f"Use one of: {known}.")
        with _open_zip(self.path) as archive:
            entries = read_directory(archive, self.path.stat().st_size)
            content = read_entry(archive, entries[name]) if name in entries else b""
        if hashlib.sha256(content).hexdigest() != digest:
            raise InputError(
                f"{self.path}: '{name}' is not the file that the manifest describes.", _REMEDY
            )
        return content


def open_bundle(path: Union[str, "os.PathLike[str]"]) -> Bundle:
    """Open the bundle *path* and check all but the content of its files.

    Raises:
        InputError: Not a bundle: unreadable, truncated, no zip, unsafe or repeated names, links,
            compressed or encrypted entries, files that are missing or unknown, a manifest that is
            not valid or of a newer schema.
    """
    bundle_path = Path(path)
    with _open_zip(bundle_path) as archive:
        entries = read_directory(archive, bundle_path.stat().st_size)
        if MANIFEST_NAME not in entries:
            raise InputError(f"{bundle_path}: has no {MANIFEST_NAME}.", _REMEDY)
        if entries[MANIFEST_NAME].file_size > _MAX_MANIFEST_BYTES:
            raise InputError(f"{bundle_path}: {MANIFEST_NAME} is too large.", _REMEDY)
        data = read_entry(archive, entries[MANIFEST_NAME])
    where = f"{bundle_path}, {MANIFEST_NAME}"
    manifest = Manifest.from_json(parse_json(data, where, _REMEDY), where)
    digests = {variant.path: variant.sha256 for variant in manifest.variants}
    if manifest.golden is not None:
        digests[manifest.golden.path] = manifest.golden.sha256
    _check_entries(bundle_path, manifest, digests, entries)
    return Bundle(bundle_path, manifest, hashlib.sha256(data).hexdigest(), digests)


def _check_entries(
    path: Path,
    manifest: Manifest,
    digests: Mapping[str, str],
    entries: Mapping[str, zipfile.ZipInfo],
) -> None:
    for name in sorted(digests.keys() - entries.keys()):
        raise InputError(f"{path}: '{name}' is named by the manifest and missing.", _REMEDY)
    for name in sorted(entries.keys() - digests.keys() - {MANIFEST_NAME, SIGNATURE_NAME}):
        raise InputError(f"{path}: '{name}' is not named by the manifest.", _REMEDY)
    for variant in manifest.variants:
        if entries[variant.path].file_size != variant.size_bytes:
            raise InputError(
                f"{path}: '{variant.path}' has {entries[variant.path].file_size} bytes, "
                f"and the manifest says {variant.size_bytes}.",
                _REMEDY,
            )


def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a folder, not a bundle.", "Give the .edgeml file.")
        return zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file.", "Give a .edgeml file.") from error
    except READ_ERRORS as error:
        raise InputError(f"{path}: is not a whole bundle ({error}).", _REMEDY) from error
