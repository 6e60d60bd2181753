"""The interpreter that runs a framework: ours if it can, else that of an environment of its own.

An environment lies in ``environments/NAME-DIGEST/`` of the cache folder. The digest is that of the
pinned requirements, so an environment never changes: another pin makes another one.
"""

import importlib.util
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from edgeml_converters.sources.foreign.child import Child
from edgeml_converters.sources.foreign.framework import Framework
from edgeml_converters.sources.settings import Consent
from edgeml_runtime.cache_folder import building, cache_root, exclusive, make_folder, remove_tree
from edgeml_runtime.errors import InputError, MissingToolError
from edgeml_runtime.progress import Progress, silent

OUR_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
_FIND_MODULES = (
    "import importlib.util, sys; "
    "print(*(name for name in sys.argv[1:] if importlib.util.find_spec(name) is None))"
)


def framework_python(framework: Framework, consent: Consent, progress: Progress = silent) -> Path:
    """Return an interpreter that has *framework*, made first when there is none.

    Args:
        framework: What it must have.
        consent: Asked before anything is fetched.
        progress: Told while it is made.

    Raises:
        InputError: The environment variable that names one names none.
        MissingToolError: The user did not agree, or Python, the network or room is missing.
    """
    if found := find_python(framework):
        return found
    base, version = _base_python(framework)
    _ask(framework, consent)
    root = make_folder(cache_root() / "environments")
    folder = root / framework.key(version)
    try:
        with exclusive(root, progress):
            if not _python_in(folder).is_file():  # or another process has made it meanwhile
                remove_tree(folder)
                with building(folder) as unfinished:
                    _make(framework, base, unfinished, progress)
    except OSError as error:
        raise MissingToolError(
            f"{framework.title} cannot be set up in {root}: {error.strerror or error}.",
            "Make room there, or set EDGEML_CACHE to another folder.",
        ) from error
    return _python_in(folder)


def find_python(framework: Framework) -> Path | None:
    """Return the interpreter that would be used as things are, or None.

    Raises:
        InputError: The environment variable that names one names none.
        MissingToolError: The one that it names lacks something.
    """
    if named := os.environ.get(framework.python_variable):
        return _named_python(framework, named)
    if all(importlib.util.find_spec(module) for module in framework.modules):
        return Path(sys.executable)
    versions = (OUR_VERSION, *framework.pythons)
    folders = (cache_root() / "environments" / framework.key(version) for version in versions)
    return next((_python_in(folder) for folder in folders if _python_in(folder).is_file()), None)


def described_python(framework: Framework) -> str:
    """Return in words where *framework* would run, for ``edgeml doctor``.

    Raises:
        InputError: As `find_python`.
        MissingToolError: As `find_python`.
    """
    python = find_python(framework)
    if python is None:
        return f"not set up; about {framework.download_mib} MiB, fetched when first used"
    if python == Path(sys.executable):
        return "beside edgeml"
    return f"{python}"


def _named_python(framework: Framework, named: str) -> Path:
    found = shutil.which(Path(named).expanduser())
    if found is None:
        raise InputError(
            f"{framework.python_variable} is '{named}', which is no program.",
            f"Set it to the Python interpreter that has {framework.title}, or unset it.",
        )
    python = Path(found)
    with Child([python, "-c", _FIND_MODULES, *framework.modules]) as child:
        missing = " ".join(child.lines()).split()
        if child.wait() != 0:
            raise InputError(
                f"{framework.python_variable} is '{named}', which is no Python interpreter.",
                f"Set it to the one that has {framework.title}, or unset it.",
            )
    if missing:
        raise MissingToolError(
            f"{framework.python_variable} is '{named}', which has no {' and no '.join(missing)}.",
            f"Run: {python} -m pip install {' '.join(framework.requirements)}",
        )
    return python


def _python_in(folder: Path) -> Path:
    return folder / "bin" / "python"


def _base_python(framework: Framework) -> tuple[Path, str]:
    """Return a Python that the requirements have wheels for, and its version."""
    if OUR_VERSION in framework.pythons:
        return Path(sys.executable), OUR_VERSION
    for version in framework.pythons:
        if found := shutil.which(f"python{version}"):
            return Path(found), version
    raise MissingToolError(
        f"{framework.title} has no wheels for Python {OUR_VERSION}, and no other one is installed.",
        f"Install Python {framework.pythons[0]}, or set {framework.python_variable} to an "
        f"interpreter that has {framework.title}.",
    )


def _ask(framework: Framework, consent: Consent) -> None:
    if not consent(
        f"{framework.title} is needed to read this model and is not installed here. Set it up in "
        f"{cache_root()} (a download of about {framework.download_mib} MiB, once)?"
    ):
        raise MissingToolError(
            f"{framework.title} is needed to read this model and is not installed here.",
            f"Add --yes to set it up in edgeml's cache (a download of about "
            f"{framework.download_mib} MiB, once), or set {framework.python_variable} to an "
            f"interpreter that has it, or run: {framework.install_line}",
        )


def _make(framework: Framework, base: Path, folder: Path, progress: Progress) -> None:
    task = f"setting up {framework.title}, once (about {framework.download_mib} MiB)"
    progress(task, 0, 0)
    python = _python_in(folder)
    # Our own pip can install into another interpreter, which is quicker than to unpack a new one.
    own_pip = importlib.util.find_spec("pip") is not None
    bare = ("--without-pip",) if own_pip or not framework.requirements else ()
    remedy = (
        "Install the venv module of your Python, for example: sudo apt-get install python3-venv"
    )
    _run(framework, [base, "-m", "venv", *bare, folder], remedy, progress, task)
    if framework.requirements:
        pip = (
            (sys.executable, "-m", "pip", "--python", python) if own_pip else (python, "-m", "pip")
        )
        options = ("--no-input", "--disable-pip-version-check", "--progress-bar", "off")
        remedy = (
            f"Check the network and the room on the disk, or set {framework.python_variable} to "
            f"an interpreter that has {framework.title}."
        )
        command = [*pip, "install", *options, *framework.requirements]
        _run(framework, command, remedy, progress, task)


def _run(
    framework: Framework,
    command: Sequence[str | Path],
    remedy: str,
    progress: Progress,
    task: str,
) -> None:
    """Run one step; the lines that it says are the progress."""
    with Child(command) as child:
        said = ""
        for done, line in enumerate(child.lines(), 1):
            said = line or said
            progress(task, done, 0)
        if child.wait() != 0:
            log = child.log()
            cause = _cause(log) or said.strip()
            error = MissingToolError(f"{framework.title} cannot be set up: {cause}.", remedy)
            error.add_note(log)
            raise error


def _cause(log: str) -> str:
    """Return the sentence of a log that says most: pip ends with its ``ERROR:`` lines."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines or [""])[-1].removeprefix("ERROR:").strip().rstrip(".")
