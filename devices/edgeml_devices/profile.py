"""The boards there are profiles of: those that come with edgeml, and the user's own.

One TOML file is one board; `edgeml_devices.profile_file` knows what stands in it. Must not know
what the numbers are used for.
"""

import difflib
import os
from functools import cache
from importlib.resources import files
from pathlib import Path

from edgeml_devices.device import Device
from edgeml_devices.profile_file import read_device
from edgeml_runtime.errors import InputError

__all__ = [
    "Device",
    "add_device",
    "device_names",
    "faulty_devices",
    "list_devices",
    "load_device",
    "own_folder",
]


def list_devices() -> tuple[Device, ...]:
    """Return every board, by name, without those of the user's own whose files are faulty."""
    loaded = (_loaded(name) for name in device_names())
    return tuple(device for device in loaded if isinstance(device, Device))


def faulty_devices() -> tuple[InputError, ...]:
    """Return what is wrong with files of the user's own; empty when all are sound."""
    loaded = (_loaded(name) for name in device_names())
    return tuple(device for device in loaded if isinstance(device, InputError))


def device_names() -> tuple[str, ...]:
    """Return the names of all boards, also of those whose files are faulty."""
    return tuple(sorted({*_shipped_names(), *_own_files()}))


def load_device(name: str) -> Device:
    """Return the board called *name*.

    Raises:
        InputError: There is no such board (the nearest names are given), or its file is faulty.
    """
    if name in _shipped_names():
        return _shipped(name)
    if name in (own := _own_files()):
        return read_device(_text(own[name]), str(own[name]), named=name, own=True)
    near = difflib.get_close_matches(name.lower(), device_names(), n=2, cutoff=0.4)
    meant = f"Did you mean {' or '.join(near)}? " if near else ""
    raise InputError(
        f"There is no board called '{name}'.", f"{meant}'edgeml devices list' shows all."
    )


def add_device(file: Path, *, replace: bool = False) -> Device:
    """Keep a profile of the user's own, so that its board is found by name from now on.

    Args:
        file: The TOML file; it is copied.
        replace: Whether it may take the place of one that was added before.

    Raises:
        InputError: The file is faulty, or its name is taken.
    """
    text = _text(file)
    device = read_device(text, str(file), own=True)
    if device.name in _shipped_names():
        raise InputError(
            f"{file}: the board '{device.name}' comes with edgeml, and cannot be replaced.",
            "Give yours another name.",
        )
    kept = own_folder() / f"{device.name}.toml"
    if kept.exists() and not replace:
        raise InputError(
            f"{file}: there is a board '{device.name}' already, in {kept}.",
            "Add --replace to replace it, or give yours another name.",
        )
    _store(text, kept)
    return device


def own_folder() -> Path:
    """Return the folder of the user's own profiles, which need not exist yet.

    It is ``$EDGEML_DEVICES``, else ``$XDG_CONFIG_HOME/edgeml/devices``, else
    ``~/.config/edgeml/devices``.
    """
    if own := os.environ.get("EDGEML_DEVICES"):
        return Path(own).expanduser().absolute()
    settings = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(settings).expanduser().absolute() / "edgeml" / "devices"


def _loaded(name: str) -> Device | InputError:
    try:
        return load_device(name)
    except InputError as error:
        return error


def _own_files() -> dict[str, Path]:
    return {file.stem: file for file in sorted(own_folder().glob("[!.]*.toml"))}


@cache
def _shipped_names() -> frozenset[str]:
    folder = files("edgeml_devices") / "profiles"
    found = (entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return frozenset(name.removesuffix(".toml") for name in found)


@cache
def _shipped(name: str) -> Device:
    file = files("edgeml_devices") / "profiles" / f"{name}.toml"
    return read_device(file.read_text(encoding="utf-8"), file.name, named=name)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"The profile {file} cannot be read: {error.strerror}.", "Give the path of a TOML file."
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"The profile {file} is not a text in UTF-8.", "Give the path of a TOML file."
        ) from error


def _store(text: str, kept: Path) -> None:
    partial = kept.with_name(f".{kept.name}.{os.getpid()}")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(kept)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"The profile cannot be kept in {kept.parent}: {error.strerror}.",
            "Set EDGEML_DEVICES to a folder that you may write to.",
        ) from error
