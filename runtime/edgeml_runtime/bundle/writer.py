"""Writes bundles: the same manifest and files give the same bytes, whole or not at all."""

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Union

from edgeml_runtime.bundle.stored_zip import Content, write_entries
from edgeml_runtime.document import json_bytes, parse_json
from edgeml_runtime.errors import InputError
from edgeml_runtime.manifest import MANIFEST_NAME, MAX_MANIFEST_BYTES, Manifest

_REMEDY = "Give a manifest that can be read back."


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
        raise InputError(f"The manifest cannot be written: {error}.", _REMEDY) from error
    parse_json(data, MANIFEST_NAME, _REMEDY)
    if len(data) > MAX_MANIFEST_BYTES:
        raise InputError(f"The manifest has over {MAX_MANIFEST_BYTES} bytes.", _REMEDY)
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
