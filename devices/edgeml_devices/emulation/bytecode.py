"""Compiled Python modules, made once, as an installation on the board has them.

Packages are unpacked without their installation scripts, so nothing is compiled, and every start
of Python would compile everything anew: six times the instructions of a real start.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from edgeml_devices.process import run
from edgeml_runtime.errors import InternalError


def compile_tree(folder: Path, final: Path, python: str, guest: Sequence[str]) -> None:
    """Compile every module below *folder*.

    The files are checked neither by date nor by content when they are used (``unchecked-hash``).

    Args:
        folder: Where the sources are now.
        final: Where they will be, as tracebacks shall name them.
        python: The board's Python, such as ``3.11``; bytecode is the same on all architectures, so
            ours compiles when it is of the same version.
        guest: Command that starts the board's Python, used when ours is of another version.

    Raises:
        InternalError: The compiler failed.
    """
    same = python == f"{sys.version_info.major}.{sys.version_info.minor}"
    interpreter = [sys.executable, "-I"] if same else list(guest)
    compileall = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    paths = ["-s", str(folder), "-p", str(final), str(folder)]
    left = run([*interpreter, *compileall, *paths], {"LC_ALL": "C.UTF-8"})
    if left.returncode not in (0, 1):  # 1: a module is no valid Python, as some templates are not
        raise InternalError(
            f"Python could not compile the modules below {final}: {left.stderr.strip()[-200:]}",
            "Report it with this message.",
        )
