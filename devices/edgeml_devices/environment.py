"""Facts about this machine that decide whether boards can be emulated and timed on it.

Each is a `Check`, for ``edgeml doctor``. Must change nothing.
"""

import importlib.metadata
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeml_devices.cache import cache_root
from edgeml_devices.emulation.qemu import locate_qemu, qemu_version
from edgeml_devices.emulation.sysroot import is_provisioned
from edgeml_devices.latency.llvm import locate_llvm
from edgeml_devices.profile import faulty_devices, list_devices, load_device, own_folder
from edgeml_devices.toolkit import load_recipe
from edgeml_runtime.errors import MissingToolError

_TOOLS = {
    "cc": ("compiles the counting plugin", "sudo apt-get install gcc libc6-dev"),
    "apt-get": ("fetches the emulator and the boards' packages", "use a Debian or Ubuntu machine"),
    "dpkg-deb": ("unpacks them", "use a Debian or Ubuntu machine"),
}


@dataclass(frozen=True)
class Check:
    """One fact.

    Args:
        name: What was looked at.
        ok: Whether it is as it should be.
        found: What was found.
        remedy: What to do when it is not ok; else empty.
    """

    name: str
    ok: bool
    found: str
    remedy: str

    def to_json(self) -> dict[str, Any]:
        """Return the entry of ``doctor --json``."""
        return dict(vars(self))


def checks() -> tuple[Check, ...]:
    """Return every check, in the order in which the remedies are best followed."""
    return (
        _emulator(),
        Check("LLVM", ok=True, found=_described_llvm(), remedy=""),
        *_tools(),
        _sysroots(),
        _own_boards(),
        _foreign_distribution(),
        _runtime_owners(),
    )


def _emulator() -> Check:
    try:
        found = locate_qemu(load_device("rpi4"))
    except MissingToolError as error:
        return Check("emulator", ok=False, found=error.problem, remedy=error.remedy)
    version = "" if found is None else f"QEMU {qemu_version(str(found))}"
    return Check("emulator", ok=True, found=_described(found, version, "qemu"), remedy="")


def _described_llvm() -> str:
    llvm = locate_llvm()
    if llvm is None:
        return _described(None, "", "llvm")
    return _described(llvm.analyser, llvm.version, "llvm")


def _described(program: Path | None, version: str, tool: str) -> str:
    if program is None:
        return f"edgeml's own, {load_recipe(tool).download_mib} MiB, fetched when first used"
    owner = "edgeml's own" if program.is_relative_to(cache_root()) else "this machine's"
    return f"{version}, {owner} ({program})"


def _tools() -> Iterator[Check]:
    for tool, (purpose, remedy) in _TOOLS.items():
        found = shutil.which(tool)
        absent = f"not installed; it {purpose}"
        yield Check(tool, found is not None, found or absent, "" if found else remedy)


def _sysroots() -> Check:
    there = [f"{d.name} (Python {d.python})" for d in list_devices() if is_provisioned(d)]
    found = f"{', '.join(there)} set up" if there else "none yet; each is set up when first used"
    return Check("sysroots", ok=True, found=f"{found} ({cache_root()})", remedy="")


def _own_boards() -> Check:
    faults = faulty_devices()
    if faults:
        return Check("own boards", ok=False, found=faults[0].problem, remedy=faults[0].remedy)
    return Check("own boards", ok=True, found=f"no fault in {own_folder()}", remedy="")


def _foreign_distribution() -> Check:
    name = "distribution 'edgeml'"
    for distribution in ("edgeml-sdk", "edgeml"):
        installed = _installed(distribution)
        if installed is not None and not _is_ours(installed):
            found = f"{distribution} {installed.version} is another project's, with the same names"
            return Check(name, ok=False, found=found, remedy=f"pip uninstall {distribution}")
    return Check(name, ok=True, found="no other project's", remedy="")


def _runtime_owners() -> Check:
    name = "owner of edgeml_runtime"
    owners = [owner for owner in ("edgeml", "edgeml-runtime") if _installed(owner) is not None]
    if len(owners) > 1:
        found = f"installed twice, by {' and '.join(owners)}"
        return Check(name, ok=False, found=found, remedy="pip uninstall edgeml-runtime")
    return Check(name, ok=True, found=owners[0] if owners else "the checkout", remedy="")


def _installed(distribution: str) -> importlib.metadata.Distribution | None:
    try:
        return importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _is_ours(installed: importlib.metadata.Distribution) -> bool:
    if installed.metadata["Name"] == "edgeml-sdk":
        return False
    return any(point.value == "edgeml.cli:main" for point in installed.entry_points)
