"""Files that appear whole or not at all."""

import tempfile
from contextlib import suppress
from pathlib import Path

from edgeml_converters.isolation import unfinished
from edgeml_runtime.errors import InputError


def check_targets(*paths: Path | None) -> None:
    """Refuse files that could not be written, before work is done for them.

    Raises:
        InputError: A folder is missing or closed, or a path is a folder itself.
    """
    for path in paths:
        if path is not None:
            _check_target(path)


def _check_target(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"{path} is a folder.", "Give the name of a file.")
    if not path.parent.is_dir():
        raise InputError(f"{path} cannot be written: its folder is missing.", "Make it first.")
    try:
        # Permission bits say nothing to root, nor on file systems that nobody may write to.
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror}.", "Choose a folder that can be written."
        ) from error


def write_whole(path: Path, text: str) -> None:
    """Write *text* to *path*, replacing what is there in one step.

    Raises:
        InputError: It cannot be written.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with unfinished(temporary):
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(path)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror}.",
            "Choose a folder that exists and can be written.",
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
