"""Compiled Python modules, made once, as an installation on the board has them.

Packages are unpacked without their installation scripts, so nothing is compiled, and every start
of Python would compile everything anew: six times the instructions of a real start.
"""

import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from edgeml_devices.process import Finished, run
from edgeml_runtime.errors import InternalError

_ENVIRONMENT = {"LC_ALL": "C.UTF-8"}
_MOST_JOBS = 8


def compile_tree(folder: Path, final: Path, python: str, guest: Sequence[str]) -> None:
    """Compile every module below *folder*, on all cores of this machine.

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
    # Without -B and -f, what the compiler itself imports would stay compiled the usual way, valid
    # for one date of its source only: in a copied cache folder it is compiled at every start.
    interpreter = [*([sys.executable, "-I"] if same else guest), "-B"]
    compileall = ["-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"]
    command = [*interpreter, *compileall, "-s", str(folder), "-p", str(final), "-i"]
    modules = sorted(folder.rglob("*.py"))
    jobs = min(os.cpu_count() or 1, _MOST_JOBS, len(modules))
    if not modules:  # with nothing to do, the compiler would take its own library
        return
    with TemporaryDirectory(prefix="edgeml-compile-") as lists, ThreadPoolExecutor(jobs) as pool:
        shares = [_write_list(Path(lists, str(i)), modules[i::jobs]) for i in range(jobs)]
        for left in pool.map(lambda share: run([*command, share], _ENVIRONMENT), shares):
            _check(left, final)


def _write_list(file: Path, modules: Sequence[Path]) -> Path:
    file.write_text("".join(f"{module}\n" for module in modules), encoding="utf-8")
    return file


def _check(left: Finished, final: Path) -> None:
    if left.returncode not in (0, 1):  # 1: a module is no valid Python, as some templates are not
        raise InternalError(
            f"Python could not compile the modules below {final}: {left.stderr.strip()[-200:]}",
            "Report it with this message.",
        )
