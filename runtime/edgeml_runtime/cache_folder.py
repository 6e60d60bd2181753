"""The one folder under which everything that can be rebuilt is kept.

Knows where it is, how its parts appear whole or not at all, and how two processes take turns. Must
not know what is kept in it.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeml_runtime.errors import MissingToolError
from edgeml_runtime.progress import Progress, silent


def cache_root() -> Path:
    """Return the cache folder, which need not exist yet.

    It is ``$EDGEML_CACHE``, else ``$XDG_CACHE_HOME/edgeml``, else ``~/.cache/edgeml``.
    """
    if own := os.environ.get("EDGEML_CACHE"):
        return Path(own).expanduser().absolute()
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared).expanduser().absolute() / "edgeml"
    return Path("~/.cache/edgeml").expanduser().absolute()


def make_folder(folder: Path) -> Path:
    """Return *folder*, made with its parents when it was not there.

    Raises:
        MissingToolError: It cannot be made; the remedy names ``EDGEML_CACHE``.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MissingToolError(
            f"The cache folder {folder} cannot be made: {error.strerror}.",
            "Set EDGEML_CACHE to a folder that you may write to.",
        ) from error
    return folder


@contextmanager
def exclusive(folder: Path, progress: Progress = silent) -> Iterator[None]:
    """Keep other processes out of *folder* until the block is left; wait for them to leave first.

    The lock is the kernel's (``flock``), so it cannot outlive a process that dies.
    """
    with (make_folder(folder) / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("waiting for another edgeml to finish its set-up", 0, 0)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def building(folder: Path) -> Iterator[Path]:
    """Yield a new empty folder that becomes *folder* when the block ends without an error.

    Whatever happens, Ctrl-C included, no half-made folder is left. Call it inside `exclusive`.
    """
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    remove_tree(unfinished)
    make_folder(unfinished)
    try:
        yield unfinished
        unfinished.replace(folder)
    finally:
        remove_tree(unfinished)


def remove_tree(folder: Path) -> None:
    """Remove *folder* and everything in it; nothing happens when it is not there."""
    if folder.is_dir():
        shutil.rmtree(folder)
