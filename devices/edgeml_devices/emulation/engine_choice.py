"""Which engine, and which version of it, as the command line names them.

Knows the form ``NAME`` or ``NAME==VERSION``. Must not know which files there are for a board.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edgeml_devices.device import Device
from edgeml_runtime.engines import ENGINE_FORMATS
from edgeml_runtime.errors import InputError

_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*((a|b|rc|\.dev|\.post)[0-9]+)*")


@dataclass(frozen=True)
class EngineChoice:
    """An engine that was asked for.

    Args:
        name: Its name, one of `edgeml_runtime.engines.ENGINE_FORMATS`.
        version: The version that was asked for; empty for the board's usual one.
    """

    name: str
    version: str = ""


def parse_engines(texts: Iterable[str]) -> tuple[EngineChoice, ...]:
    """Return what ``--engine`` names, such as ``litert`` or ``onnxruntime==1.22.1``.

    Raises:
        InputError: A text has another form, names no engine, or names one a second time.
    """
    choices: dict[str, EngineChoice] = {}
    for text in texts:
        name, separator, version = (part.strip() for part in text.partition("=="))
        if name not in ENGINE_FORMATS:
            raise InputError(
                f"--engine {text!r} is not known.", f"Choose from {', '.join(ENGINE_FORMATS)}."
            )
        if separator and not _VERSION.fullmatch(version):
            raise InputError(
                f"--engine {text!r} does not have the form NAME==VERSION.",
                f"Give a version, for example --engine {name}==1.22.1, or the name alone.",
            )
        if name in choices:
            raise InputError(
                f"--engine names {name} a second time, in {text!r}.", "Name each engine once."
            )
        choices[name] = EngineChoice(name, version)
    return tuple(choices.values())


def chosen_versions(device: Device, choices: Sequence[EngineChoice]) -> dict[str, str]:
    """Return the engines to set up on a board, name to version; the usual ones without a choice.

    Raises:
        InputError: An engine is asked for that the board does not usually have, without a version.
    """
    if not choices:
        return dict(device.engines)
    for choice in choices:
        if not choice.version and choice.name not in device.engines:
            board = f"{device.name} (Python {device.python}, {device.arch})"
            raise InputError(
                f"{board} has no wheel of {choice.name}.",
                f"Choose from {', '.join(device.engines)}.",
            )
    return {choice.name: choice.version or device.engines[choice.name] for choice in choices}
