"""The folder of what this board may forget: passed self-tests and unpacked models.

Only a folder that nobody else can write to is used, as what is read there is believed. Anything
that goes wrong raises OSError, and the caller does without.
"""

import os
from collections.abc import Iterable
from contextlib import suppress

_OTHERS_WRITE = 0o022


def private_folder(name: str) -> str:
    """Return the folder *name* below ``$EDGEML_RUNTIME_CACHE``, made if need be."""
    configured = os.environ.get("EDGEML_RUNTIME_CACHE") or "~/.cache/edgeml-runtime"
    root = os.path.expanduser(configured)
    if root.startswith("~"):
        raise FileNotFoundError("there is no home folder")
    for folder in (root, os.path.join(root, name)):
        if not os.path.isdir(folder):
            os.makedirs(folder, mode=0o700, exist_ok=True)
        found = os.lstat(folder)  # the mode of a link lets everybody write
        if found.st_mode & _OTHERS_WRITE or found.st_uid not in (0, os.geteuid()):
            raise PermissionError(f"{folder}: others can write to it")
    return folder


def keep(path: str, chunks: Iterable[bytes], limit_bytes: int) -> None:
    """Write *path* whole or not at all; remove its oldest neighbours above *limit_bytes* in all."""
    import tempfile  # noqa: PLC0415 - for a board's first start with a bundle only

    folder = os.path.dirname(path)
    descriptor, temporary = tempfile.mkstemp(dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.writelines(chunks)
            stream.flush()
            os.fsync(descriptor)  # what is found later is believed, also after a loss of power
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    with suppress(FileNotFoundError), os.scandir(folder) as entries:  # others may remove them too
        found = [(entry.stat(), entry.path) for entry in entries]
        for status, file in sorted(found, key=lambda pair: -pair[0].st_atime):
            limit_bytes -= status.st_size
            if limit_bytes < 0 and file != path:
                os.unlink(file)
