"""The file systems that boards' programs see under emulation: which there are, and finding one.

How one is made, and where its parts lie, is `edgeml_devices.emulation.sysroot_making`. Must not
know how guests are run.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeml_devices.cache import cache_root, exclusive
from edgeml_devices.device import Device
from edgeml_devices.emulation.qemu import find_qemu
from edgeml_devices.emulation.sysroot_making import make_sysroot, sysroot_folder
from edgeml_devices.emulation.wheels import compatible_sets, select_wheels
from edgeml_runtime.errors import InputError
from edgeml_runtime.progress import Progress, silent


@dataclass(frozen=True)
class Sysroot:
    """A board's file system.

    Args:
        path: QEMU's ``-L`` prefix.
        python: The board's Python interpreter, by its path on the host.
        site: The board's site-packages.
        engines: Engine to version.
        digest: SHA-256 over all that went in; equal digests run the same bytes.
    """

    path: Path
    python: Path
    site: Path
    engines: Mapping[str, str]
    digest: str


def ensure_sysroot(
    device: Device, progress: Progress = silent, engines: Mapping[str, str] | None = None
) -> Sysroot:
    """Return a sysroot of the board, made first if it is not there.

    Args:
        device: The board.
        progress: Told of each step when something is made.
        engines: Engine to version. Without it, those of the profile that can be installed beside
            the first one.

    Raises:
        InputError: There is no wheel of a wanted engine version, or two engines cannot be installed
            together.
        MissingToolError: A tool or the network is missing; nothing half-made is left.
    """
    chosen = dict(engines) if engines is not None else usual_engines(device, progress)
    wheels = select_wheels(device, chosen, progress)
    folder = sysroot_folder(device, wheels)
    if not (folder / "sysroot.json").is_file():
        find_qemu(device, progress)
        with exclusive(cache_root(), progress):
            if not folder.exists():
                make_sysroot(device, wheels, folder, progress)
    return _describe(device, folder, chosen)


def ensure_sysroots(
    device: Device, engines: Mapping[str, str], progress: Progress = silent
) -> dict[str, Sysroot]:
    """Return engine to sysroot, as many sysroots as it takes for *engines* (name to version).

    Raises:
        InputError, MissingToolError: As `ensure_sysroot`.
    """
    sysroots: dict[str, Sysroot] = {}
    for group in compatible_sets(device, engines, progress):
        sysroots |= dict.fromkeys(group, ensure_sysroot(device, progress, group))
    return sysroots


def usual_engines(device: Device, progress: Progress | None = None) -> dict[str, str]:
    """Return the engines of the profile that can be installed beside its first one."""
    return compatible_sets(device, device.engines, progress)[0]


def is_provisioned(device: Device) -> bool:
    """Return whether the board's sysroot, with its usual engines, is there."""
    try:
        wheels = select_wheels(device, usual_engines(device))
    except InputError:  # of a version that nobody has looked for yet
        return False
    return (sysroot_folder(device, wheels) / "sysroot.json").is_file()


def _describe(device: Device, folder: Path, engines: Mapping[str, str]) -> Sysroot:
    return Sysroot(
        path=folder / "root",
        python=folder / "root" / "usr" / "bin" / f"python{device.python}",
        site=folder / "site",
        engines=engines,
        digest=hashlib.sha256((folder / "sysroot.json").read_bytes()).hexdigest(),
    )
