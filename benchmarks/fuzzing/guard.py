"""Sees to it that a reader touches nothing outside its folder."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_OF_PATHS = (
    *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.chmod"),
    *("os.chown", "os.truncate", "os.utime", "os.setxattr", "os.chdir", "tempfile.mkstemp"),
)
_NEVER = (
    *("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.kill"),
    *("socket.connect", "socket.bind", "pickle.find_class", "ctypes.dlopen"),
)


class Breach(Exception):  # noqa: N818 - it is what happened
    """The reader did what no reader may; none has a handler that catches it."""


class Guard:
    """An audit hook (PEP 578) that is awake while an input is read."""

    def __init__(self, folder: Path) -> None:
        self._allowed = f"{folder.resolve()}{os.sep}"
        self._code = tuple(f"{Path(place).resolve()}{os.sep}" for place in sys.path if place)
        self._awake = False
        sys.addaudithook(self._hear)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Raise `Breach` for what is done in the block."""
        self._awake = True
        try:
            yield
        finally:
            self._awake = False

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._awake:
            return
        if event == "open":
            self._open(*arguments)
        elif event in _OF_PATHS:
            for path in arguments:
                if isinstance(path, (str, bytes)) and not self._is_inside(path):
                    raise Breach(f"{event}{arguments!r}")
        elif event in _NEVER:
            raise Breach(f"{event}{arguments!r}")

    def _open(self, path: object, mode: object, flags: object) -> None:
        if not isinstance(path, (str, bytes)):
            return  # a descriptor, opened before
        writes = not isinstance(flags, int) or bool(flags & _WRITING)
        if not self._is_inside(path) and (writes or not _real(path).startswith(self._code)):
            raise Breach(f"open({path!r}, {mode!r})")

    def _is_inside(self, path: "str | bytes") -> bool:
        return f"{_real(path)}{os.sep}".startswith(self._allowed)


def _real(path: "str | bytes") -> str:
    return os.path.realpath(os.fsdecode(path))
