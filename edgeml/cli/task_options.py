"""The options of a task on the command line: ``KEY=VALUE`` texts, and TOML files of them."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from edgeml.pipeline.text_file import read_text
from edgeml_runtime.errors import InputError

_OPTION: Final = "--task-option"


def read_task_options(texts: Sequence[str] | None) -> dict[str, Any]:
    """Return the options that *texts* give; later ones replace earlier ones.

    A text is ``KEY=VALUE``, where the value is TOML (``0.4``, ``[[0, 1]]``) or else what stands
    there, or the path of a ``.toml`` file.

    Raises:
        InputError: A file is missing or no TOML, or a text has another form.
    """
    options: dict[str, Any] = {}
    for text in texts or ():
        name, separator, value = text.partition("=")
        if name.strip() and separator:
            options[name.strip()] = _value(value.strip())
        elif text.endswith(".toml"):
            options.update(_read_file(Path(text)))
        else:
            raise InputError(
                f"{_OPTION} {text!r} is neither KEY=VALUE nor a .toml file.",
                f"Give one option, for example {_OPTION} threshold=0.4.",
            )
    return options


def _value(text: str) -> Any:  # noqa: ANN401 - whatever TOML can say
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text(path, _OPTION))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{_OPTION} {path} is not TOML: {error}.", "Correct the file.") from error
