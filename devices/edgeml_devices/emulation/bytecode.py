"""Compiled Python modules, made once, as an installation on the board has them.

Packages are unpacked without their installation scripts, so nothing is compiled, and every start
of Python would compile everything anew: six times the instructions of a real start.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory

from edgeml_devices.process import Finished, run
from edgeml_devices.toml_table import parse_toml
from edgeml_runtime.errors import InternalError

_ENVIRONMENT = {"LC_ALL": "C.UTF-8"}
_MOST_JOBS = 8


def compile_tree(folder: Path, final: Path, python: str, guest: Sequence[str]) -> None:
    """Compile every module below *folder*, which will be *final*; otherwise as `compile_trees`."""
    compile_trees({folder: final}, python, guest)


def compile_trees(
    trees: Mapping[Path, Path], python: str, guest: Sequence[str], leave: Sequence[str] = ()
) -> None:
    """Compile the modules below some folders, on all cores of this machine.

    The files are checked neither by date nor by content when they are used (``unchecked-hash``):
    else what was copied to another machine would be compiled at every start there.

    Args:
        trees: Where the sources are now, to where they will be, as tracebacks shall name them.
        python: The board's Python, such as ``3.11``; bytecode is the same on all architectures, so
            ours compiles when it is of the same version.
        guest: Command that starts the board's Python, used when ours is of another version.
        leave: Patterns of names below a folder that are not compiled.

    Raises:
        InternalError: The compiler failed.
    """
    lines = [
        f"{module}\t{final / module.relative_to(folder)}\n"
        for folder, final in trees.items()
        for module in _modules(folder, leave)
    ]
    if not lines:
        return
    same = python == f"{sys.version_info.major}.{sys.version_info.minor}"
    # -B: what the compiler itself imports would be kept in the usual form, with a date.
    interpreter = [*([sys.executable, "-I"] if same else guest), "-B"]
    jobs = min(os.cpu_count() or 1, _MOST_JOBS, len(lines))
    script = files("edgeml_devices.emulation") / "guest_scripts" / "compile_modules.py"
    with (
        as_file(script) as program,
        TemporaryDirectory(prefix="edgeml-compile-") as lists,
        ThreadPoolExecutor(jobs) as pool,
    ):
        shares = [_write_list(Path(lists, str(i)), lines[i::jobs]) for i in range(jobs)]
        for left in pool.map(lambda s: run([*interpreter, program, s], _ENVIRONMENT), shares):
            _check(left, next(iter(trees.values())))


@cache
def parts_left_alone() -> tuple[str, ...]:
    """Return the patterns of modules that no engine imports (``library.toml``)."""
    file = files("edgeml_devices.emulation") / "library.toml"
    root = parse_toml(file.read_text(encoding="utf-8"), file.name)
    root.text("schema", allowed=("edgeml.library/1",))
    patterns = root.texts("not_compiled")
    root.refuse_unread()
    return patterns


def _modules(folder: Path, leave: Sequence[str]) -> Iterator[Path]:
    for module in sorted(folder.rglob("*.py")):
        name = module.relative_to(folder).as_posix()
        if module.is_file() and not any(fnmatch(name, pattern) for pattern in leave):
            yield module


def _write_list(file: Path, lines: Sequence[str]) -> Path:
    file.write_text("".join(lines), encoding="utf-8")
    return file


def _check(left: Finished, final: Path) -> None:
    if left.returncode != 0:
        reason = left.stderr.strip()[-200:] or f"it ended with {left.returncode}"
        raise InternalError(
            f"Python could not compile the modules below {final}: {reason}.",
            "Run the command again; when that repeats, report it with this message.",
        )
