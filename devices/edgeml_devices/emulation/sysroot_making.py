"""Making the file system that a board's programs see under emulation.

Below the cache folder, once for each board and set of engine versions::

    packages/SUITE-ARCH-KEY/root  the distribution's packages, unpacked; shared by boards
    wheels/FILE-KEY/              engine wheels, unpacked and compiled; shared by boards
    wheels/NAME-VERSION-*.json    which wheel was found for a version that the lock does not have
    sysroots/BOARD-KEY/root       QEMU's -L prefix: links into packages/, and the board's identity
    sysroots/BOARD-KEY/site/      its site-packages: links into wheels/
    sysroots/BOARD-KEY/sysroot.json   all that went in, with digests
    downloads/                    files as they came; needed only to make the above

All links are relative, so the cache folder can be copied to a machine without network.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from edgeml_devices.cache import building, cache_root
from edgeml_devices.device import Device
from edgeml_devices.emulation.bytecode import compile_trees, parts_left_alone
from edgeml_devices.emulation.identity import identity_files, write_identity
from edgeml_devices.emulation.packages import PackageSet, fetch_packages, unpack_packages
from edgeml_devices.emulation.qemu import find_qemu
from edgeml_devices.emulation.surroundings import own_places, packaged_modules
from edgeml_devices.emulation.wheel_lock import Wheel
from edgeml_devices.emulation.wheels import WheelDownload, unpack_wheel
from edgeml_runtime.errors import MissingToolError
from edgeml_runtime.progress import Progress

# Counts up when the way a sysroot is made changes, so that old ones are not taken for new ones.
_LAYOUT = 3

_DEBIAN_ARCH = {"aarch64": "arm64", "armv7": "armhf"}


def sysroot_folder(device: Device, wheels: tuple[Wheel, ...]) -> Path:
    """Return where the sysroot of *device* with *wheels* is, or will be."""
    return cache_root() / "sysroots" / f"{device.name}-{_key(device, wheels)}"


def make_sysroot(
    device: Device, wheels: tuple[Wheel, ...], folder: Path, progress: Progress
) -> None:
    """Make the sysroot *folder*; call it while no other process does.

    Raises:
        MissingToolError: A tool, the network or room is missing; nothing half-made is left.
    """
    try:
        _make(device, wheels, folder, progress)
    except OSError as error:
        raise MissingToolError(
            f"The file system of the {device.title} cannot be made in {cache_root()}: {error}.",
            "Make room there, or set EDGEML_CACHE to a folder on another disk.",
        ) from error


def _make(device: Device, wheels: tuple[Wheel, ...], folder: Path, progress: Progress) -> None:
    root = cache_root()
    wanted = _package_set(device, wheels)
    packages = root / "packages" / f"{wanted.key}-{_LAYOUT}"
    stores = {
        wheel: root / "wheels" / f"{wheel.file}-{wheel.sha256[:8]}-{_LAYOUT}" for wheel in wheels
    }
    absent = [wheel for wheel, store in stores.items() if not store.exists()]
    with WheelDownload(absent, root / "downloads" / "wheels") as download:
        if not packages.exists():
            _make_packages(device, wanted, packages, progress)
        progress("fetching engines", 0, 0)
        download.finish()
    if absent:
        _make_stores(device, {wheel: stores[wheel] for wheel in absent}, packages, progress)
    with building(folder) as unfinished:
        _assemble(device, packages, tuple(stores.values()), unfinished)
        _write_json(unfinished / "sysroot.json", _record(device, packages, wheels))
    progress("set up", 1, 1)


def _make_packages(device: Device, wanted: PackageSet, folder: Path, progress: Progress) -> None:
    archives = cache_root() / "downloads" / f"apt-{wanted.suite}-{wanted.arch}"
    fetched = fetch_packages(wanted, archives, progress)
    with building(folder) as unfinished:
        root = unfinished / "root"
        unpack_packages(fetched.debs, root, progress)
        progress("compiling Python's library", 0, 0)
        libraries = (root / "usr" / "lib" / f"python{device.python}", packaged_modules(root))
        trees = {library: folder / "root" / library.relative_to(root) for library in libraries}
        compile_trees(trees, device.python, _guest_python(device, root), parts_left_alone())
        digests = {d.name: hashlib.sha256(d.read_bytes()).hexdigest() for d in fetched.debs}
        _write_json(unfinished / "packages.json", {"source": fetched.source, "sha256": digests})


def _make_stores(
    device: Device, stores: Mapping[Wheel, Path], packages: Path, progress: Progress
) -> None:
    with ExitStack() as unfinished:
        trees: dict[Path, Path] = {}
        for done, (wheel, store) in enumerate(stores.items()):
            progress("unpacking engines", done, len(stores))
            unpacked = unfinished.enter_context(building(store))
            unpack_wheel(wheel, cache_root() / "downloads" / "wheels" / wheel.file, unpacked)
            trees[unpacked] = store
        progress("compiling engines", 0, 0)
        guest = _guest_python(device, packages / "root")
        compile_trees(trees, device.python, guest, parts_left_alone())


def _guest_python(device: Device, root: Path) -> tuple[str, ...]:
    python = root / "usr" / "bin" / f"python{device.python}"
    places = [part for pair in own_places(device, root).items() for part in ("-E", "=".join(pair))]
    return (
        str(find_qemu(device)),
        "-cpu",
        device.qemu_cpu,
        *places,
        "-L",
        str(root),
        str(python),
        "-P",
        "-s",
    )


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


def _key(device: Device, wheels: tuple[Wheel, ...]) -> str:
    parts = {
        "layout": _LAYOUT,
        "packages": _package_set(device, wheels).key,
        "wheels": [wheel.sha256 for wheel in wheels],
        "identity": identity_files(device),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def _package_set(device: Device, wheels: tuple[Wheel, ...]) -> PackageSet:
    python = f"python{device.python}-minimal"
    names = (python, f"libpython{device.python}-stdlib", "libstdc++6", "libgomp1")
    wanted = sorted({name for wheel in wheels for name in wheel.packages})
    return PackageSet(device.suite, _DEBIAN_ARCH[device.arch], (*names, *wanted))
