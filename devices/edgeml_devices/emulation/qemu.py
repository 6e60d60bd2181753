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
from edgeml_runtime.errors import MissingToolError

_PROGRAMS = {"aarch64": "qemu-aarch64", "armv7": "qemu-arm"}


def find_qemu(device: Device) -> Path:
    """Return the user-mode QEMU for the board, one that can load plugins.

    ``EDGEML_QEMU`` names it when it is not the first on ``PATH``.

    Raises:
        MissingToolError: This host cannot emulate, QEMU is not there, or it cannot load plugins.
    """
    require_host()
    wanted = os.environ.get("EDGEML_QEMU") or _PROGRAMS[device.arch]
    found = shutil.which(wanted)
    if found is None:
        raise MissingToolError(
            f"{wanted} is not installed, which runs the programs of the {device.title}.",
            "Install it: sudo apt-get install qemu-user",
        )
    if not loads_plugins(found):
        raise MissingToolError(
            f"{found} cannot load plugins, by which instructions are counted.",
            "Set EDGEML_QEMU to the qemu-user of Debian 12 or Ubuntu 24.04 "
            "(Debian 13 builds it statically, without plugins).",
        )
    return Path(found)


def require_host() -> None:
    """Make sure that this machine can emulate a board.

    Raises:
        MissingToolError: It is not Linux on x86-64.
    """
    system, machine = platform.system(), platform.machine()
    if (system, machine) != ("Linux", "x86_64"):
        raise MissingToolError(
            f"Boards are emulated on Linux x86-64 only, and this is {system} {machine}.",
            "Measure on the board itself: edgeml bench BUNDLE --host user@board",
        )


@cache
def loads_plugins(program: str) -> bool:
    """Return whether the QEMU at *program* was built with plugins."""
    return "-plugin" in run([program, "--help"], timeout_s=60).stdout


@cache
def qemu_version(program: str) -> str:
    """Return the version of the QEMU at *program*, such as ``7.2.22``."""
    words = run([program, "--version"], timeout_s=60).stdout.split()
    return words[words.index("version") + 1] if "version" in words else "unknown"
