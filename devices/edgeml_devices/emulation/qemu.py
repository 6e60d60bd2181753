"""The QEMU that runs a board's programs on this machine.

Knows how to find it and what it must be able to do; must not know what is run in it.
"""

import os
import platform
import shutil
from functools import cache
from pathlib import Path

from edgeml_devices.device import Device
from edgeml_devices.process import run
from edgeml_devices.toolkit import ensure_tool, find_tool, load_recipe, program_version
from edgeml_runtime.errors import MissingToolError
from edgeml_runtime.progress import Progress, silent

_PROGRAMS = {"aarch64": "qemu-aarch64", "armv7": "qemu-arm"}


def find_qemu(device: Device, progress: Progress = silent) -> Path:
    """Return the user-mode QEMU for the board, of the version that counts are made with.

    It is the one that ``EDGEML_QEMU`` names, whatever its version; else this machine's own when
    it is of that version and loads plugins; else the toolkit's, fetched when it is not there.

    Args:
        device: The board.
        progress: Told of fetching.

    Raises:
        MissingToolError: This host cannot emulate, the named QEMU will not do, or there is none
            and it cannot be fetched.
    """
    found = locate_qemu(device)
    return found or ensure_tool(load_recipe("qemu"), progress).program(_PROGRAMS[device.arch])


def locate_qemu(device: Device) -> Path | None:
    """Return what `find_qemu` returns, or ``None`` where that would fetch it.

    Raises:
        MissingToolError: This host cannot emulate, or the QEMU of ``EDGEML_QEMU`` will not do.
    """
    require_host()
    if wanted := os.environ.get("EDGEML_QEMU"):
        return _named_qemu(wanted)
    program = _PROGRAMS[device.arch]
    if own := _system_qemu(program):
        return own
    tool = find_tool(load_recipe("qemu"))
    return None if tool is None else tool.program(program)


def require_host() -> None:
    """Make sure that this machine can emulate a board.

    Raises:
        MissingToolError: It is not Linux on x86-64.
    """
    system, machine = platform.system(), platform.machine()
    if (system, machine) != ("Linux", "x86_64"):
        raise MissingToolError(
            f"Boards are emulated on Linux x86-64 only, and this is {system} {machine}.",
            "Measure on the board itself: edgeml-runtime bench BUNDLE",
        )


@cache
def loads_plugins(program: str) -> bool:
    """Return whether the QEMU at *program* was built with plugins."""
    return "-plugin" in run([program, "--help"], timeout_s=60).stdout


def qemu_version(program: str) -> str:
    """Return the version of the QEMU at *program*, such as ``7.2.22``."""
    return program_version(program) or "unknown"


def _named_qemu(name: str) -> Path:
    found = shutil.which(name)
    if found is None:
        raise MissingToolError(
            f"EDGEML_QEMU is '{name}', and there is no such program.",
            "Unset EDGEML_QEMU, and edgeml brings its own emulator.",
        )
    if not loads_plugins(found):
        raise MissingToolError(
            f"{found}, which EDGEML_QEMU names, cannot load plugins, by which instructions are "
            "counted.",
            "Unset EDGEML_QEMU, and edgeml brings its own emulator.",
        )
    return Path(found)


def _system_qemu(program: str) -> Path | None:
    found = shutil.which(program)
    if found is None or not load_recipe("qemu").accepts(qemu_version(found)):
        return None
    return Path(found) if loads_plugins(found) else None
