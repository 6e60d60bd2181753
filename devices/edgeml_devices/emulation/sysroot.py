"""The file system that a board's programs see under emulation.

Made once per board and set of engine versions, below the cache folder::

    packages/SUITE-ARCH-KEY/root/ the distribution's packages, unpacked; shared by boards
    wheels/FILE-KEY/              engine wheels, unpacked and compiled; shared by boards
    sysroots/BOARD-KEY/root/      QEMU's -L prefix: links into packages/, and the board's identity
    sysroots/BOARD-KEY/site/      its site-packages: links into wheels/
    sysroots/BOARD-KEY/sysroot.json   all that went in, with digests
    downloads/                    files as they came; needed only to make the above

All links are relative, so the cache folder can be copied to a machine without network. Knows how
these fit together; must not know how guests are run.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeml_devices.cache import building, cache_root, exclusive
from edgeml_devices.device import Device
from edgeml_devices.emulation.bytecode import compile_tree
from edgeml_devices.emulation.debian_mirror import mirror_uri
from edgeml_devices.emulation.identity import identity_files, write_identity
from edgeml_devices.emulation.packages import PackageSet, fetch_packages, unpack_packages
from edgeml_devices.emulation.qemu import find_qemu
from edgeml_devices.emulation.wheels import Wheel, WheelDownload, select_wheels, unpack_wheel
from edgeml_runtime.errors import MissingToolError
from edgeml_runtime.progress import Progress, silent

# Counts up when the way a sysroot is made changes, so that old ones are not taken for new ones.
_LAYOUT = 1

_DEBIAN_ARCH = {"aarch64": "arm64", "armv7": "armhf"}


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
    """Return the board's sysroot, made first if it is not there.

    Args:
        device: The board.
        progress: Told of each step when something is made.
        engines: Engine to version, in place of the profile's.

    Raises:
        InputError: No wheel of a wanted engine version is known.
        MissingToolError: A tool or the network is missing; nothing half-made is left.
    """
    chosen = dict(engines if engines is not None else device.engines)
    wheels = select_wheels(device, chosen)
    folder = cache_root() / "sysroots" / f"{device.name}-{_key(device, wheels)}"
    if not (folder / "sysroot.json").is_file():
        find_qemu(device)
        with exclusive(cache_root(), progress):
            if not folder.exists():
                _make_or_explain(device, wheels, folder, progress)
    return _describe(device, folder, chosen)


def is_provisioned(device: Device) -> bool:
    """Return whether the board's sysroot, with its usual engines, is there."""
    key = _key(device, select_wheels(device, device.engines))
    return (cache_root() / "sysroots" / f"{device.name}-{key}" / "sysroot.json").is_file()


def _describe(device: Device, folder: Path, engines: Mapping[str, str]) -> Sysroot:
    return Sysroot(
        path=folder / "root",
        python=folder / "root" / "usr" / "bin" / f"python{device.python}",
        site=folder / "site",
        engines=engines,
        digest=hashlib.sha256((folder / "sysroot.json").read_bytes()).hexdigest(),
    )


def _key(device: Device, wheels: tuple[Wheel, ...]) -> str:
    parts = {
        "layout": _LAYOUT,
        "packages": _package_set(device).key,
        "wheels": [wheel.sha256 for wheel in wheels],
        "identity": identity_files(device),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def _package_set(device: Device) -> PackageSet:
    python = f"python{device.python}-minimal"
    names = (python, f"libpython{device.python}-stdlib", "libstdc++6", "libgomp1")
    return PackageSet(device.suite, _DEBIAN_ARCH[device.arch], names)


def _make_or_explain(
    device: Device, wheels: tuple[Wheel, ...], folder: Path, progress: Progress
) -> None:
    try:
        _make(device, wheels, folder, progress)
    except OSError as error:
        raise MissingToolError(
            f"The file system of the {device.title} cannot be made in {cache_root()}: {error}.",
            "Make room there, or set EDGEML_CACHE to a folder on another disk.",
        ) from error


def _make(device: Device, wheels: tuple[Wheel, ...], folder: Path, progress: Progress) -> None:
    root = cache_root()
    wanted = _package_set(device)
    packages = root / "packages" / f"{wanted.key}-{_LAYOUT}"
    stores = {wheel: root / "wheels" / f"{wheel.file}-{wheel.sha256[:8]}" for wheel in wheels}
    absent = [wheel for wheel, store in stores.items() if not store.exists()]
    with WheelDownload(absent, root / "downloads" / "wheels") as download:
        if not packages.exists():
            _make_packages(device, wanted, packages, progress)
        progress("fetching engines", 0, 0)
        download.finish()
    for done, wheel in enumerate(absent):
        progress("unpacking engines", done, len(absent))
        with building(stores[wheel]) as unpacked:
            unpack_wheel(wheel, root / "downloads" / "wheels" / wheel.file, unpacked)
            guest = _guest_python(device, packages / "root")
            compile_tree(unpacked, stores[wheel], device.python, guest)
    with building(folder) as unfinished:
        _assemble(device, packages, tuple(stores.values()), unfinished)
        _write_json(unfinished / "sysroot.json", _record(device, packages, wheels))
    progress("set up", 1, 1)


def _make_packages(device: Device, wanted: PackageSet, folder: Path, progress: Progress) -> None:
    archives = cache_root() / "downloads" / f"apt-{wanted.suite}-{wanted.arch}"
    debs = fetch_packages(wanted, archives, progress)
    with building(folder) as unfinished:
        root = unfinished / "root"
        unpack_packages(debs, root, progress)
        progress("compiling Python's library", 0, 0)
        library = Path("usr", "lib", f"python{device.python}")
        guest = _guest_python(device, root)
        compile_tree(root / library, folder / "root" / library, device.python, guest)
        digests = {deb.name: hashlib.sha256(deb.read_bytes()).hexdigest() for deb in debs}
        _write_json(unfinished / "packages.json", {"source": mirror_uri(), "sha256": digests})


def _guest_python(device: Device, root: Path) -> tuple[str, ...]:
    python = root / "usr" / "bin" / f"python{device.python}"
    return (str(find_qemu(device)), "-L", str(root), str(python), "-I")


def _assemble(device: Device, packages: Path, stores: tuple[Path, ...], folder: Path) -> None:
    # `building` fills the folder beside its final place, so relative links stay right.
    links = {Path("root", entry.name): entry for entry in (packages / "root").iterdir()}
    for store in stores:
        links |= {Path("site", entry.name): entry for entry in store.iterdir()}
    for name, target in sorted(links.items()):
        link = folder / name
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(os.path.relpath(target, link.parent))
    write_identity(device, folder / "root")


def _record(device: Device, packages: Path, wheels: tuple[Wheel, ...]) -> dict[str, Any]:
    identity = json.dumps(identity_files(device), sort_keys=True).encode()
    return {
        "schema": "edgeml.sysroot/1",
        "device": device.name,
        "packages": json.loads((packages / "packages.json").read_text()),
        "wheels": {wheel.file: wheel.sha256 for wheel in wheels},
        "identity_sha256": hashlib.sha256(identity).hexdigest(),
    }


def _write_json(file: Path, document: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
