"""The folder of what this board may forget: passed self-tests and unpacked models.

Only a folder that nobody else can write to is used, as what is read there is believed. Anything
that goes wrong raises OSError, and the caller does without.
"""

import os
from collections.abc import Iterable
from pathlib import Path

_OTHERS_WRITE = 0o022


def private_folder(name: str) -> Path:
    """Return the folder *name* below ``$EDGEML_RUNTIME_CACHE``, made if need be."""
    configured = os.environ.get("EDGEML_RUNTIME_CACHE") or "~/.cache/edgeml-runtime"
    root = Path(os.path.expanduser(configured))  # noqa: PTH111 - Path's raises without a home
    for folder in (root, root / name):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()  # the mode of a link lets everybody write
        if found.st_mode & _OTHERS_WRITE or found.st_uid not in (0, os.geteuid()):
            raise PermissionError(f"{folder}: others can write to it")
    return root / name


def keep(path: Path, chunks: Iterable[bytes], limit_bytes: int) -> None:
    """Write *path* whole or not at all; remove its oldest neighbours above *limit_bytes* in all."""
    import tempfile  # noqa: PLC0415 - for a board's first start with a bundle only

    descriptor, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.writelines(chunks)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise
    found = [(file.stat(), file) for file in path.parent.iterdir()]
    for status, file in sorted(found, key=lambda pair: -pair[0].st_mtime):
        limit_bytes -= status.st_size
        if limit_bytes < 0 and file != path:
            file.unlink()
