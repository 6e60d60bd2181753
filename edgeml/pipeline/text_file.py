"""Text files that an option names."""

from pathlib import Path

from edgeml_runtime.errors import InputError


def read_text(path: Path, option: str) -> str:
    """Return the text of *path*.

    Raises:
        InputError: It cannot be read or is not UTF-8; names the option.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{option} {path} cannot be read: {error.strerror}.", "Check the path."
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{option} {path} is not UTF-8 text.", "Give a plain text file."
        ) from error
