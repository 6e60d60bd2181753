"""`edgeml.list_devices`, `add_device` and `setup_device`: the boards and their emulation."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeml_devices.emulation import ensure_sysroot
from edgeml_devices.profile import Device, faulty_devices, load_device
from edgeml_devices.profile import add_device as keep_device
from edgeml_devices.profile import list_devices as all_devices
from edgeml_runtime.errors import InputError
from edgeml_runtime.progress import Progress, silent


@dataclass(frozen=True)
class DeviceList:
    """Boards, with all that is known of each.

    Args:
        devices: Those whose profiles are sound.
        faults: What is wrong with other profiles of the user's own.
    """

    devices: tuple[Device, ...]
    faults: tuple[InputError, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the ``edgeml.devices/1`` document."""
        return {
            "schema": "edgeml.devices/1",
            "devices": [device.to_json() for device in self.devices],
            "faults": [fault.to_json() for fault in self.faults],
        }


@dataclass(frozen=True)
class DeviceSetup:
    """A board whose emulation is ready.

    Args:
        device: The board's name.
        path: Its sysroot.
        engines: Engine name to version.
    """

    device: str
    path: Path
    engines: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return the ``edgeml.setup/1`` document."""
        return {
            "schema": "edgeml.setup/1",
            "device": self.device,
            "path": str(self.path),
            "engines": dict(self.engines),
        }


def list_devices(name: str | None = None) -> DeviceList:
    """Return every board, or the one called *name*.

    Raises:
        InputError: There is no such board; gives the nearest names.
    """
    if name is not None:
        return DeviceList((load_device(name),))
    return DeviceList(all_devices(), faulty_devices())


def add_device(file: Path | str, *, replace: bool = False) -> DeviceList:
    """Keep a profile of your own, so that its board is found by name from now on.

    Args:
        file: A TOML file in the form ``edgeml.device/1``; it is copied.
        replace: Whether it may take the place of one that was added before.

    Raises:
        InputError: The file is faulty (file, key, value and what is allowed), or its name is taken.
    """
    return DeviceList((keep_device(Path(file), replace=replace),))


def setup_device(name: str, *, progress: Progress = silent) -> DeviceSetup:
    """Fetch and unpack what emulating the board *name* needs, unless it is there.

    Raises:
        InputError: There is no such board.
        MissingToolError: A tool or the network is missing; nothing half-made is left.
    """
    sysroot = ensure_sysroot(load_device(name), progress)
    return DeviceSetup(name, sysroot.path, sysroot.engines)
