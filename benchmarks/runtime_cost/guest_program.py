"""A program of ours in the emulated board, under the counter, the runtime compiled beside it."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import edgeml_runtime
from edgeml_devices.device import Device
from edgeml_devices.emulation import Sysroot, run_guest
from edgeml_devices.emulation.bytecode import compile_tree
from edgeml_devices.emulation.plugin import Counts, build_plugin, read_counts
from edgeml_devices.emulation.qemu import find_qemu

_SCRIPTS = Path(__file__).with_name("guest_scripts")


class GuestProgram:
    """A script of this package on a board.

    Args:
        device: The board.
        sysroot: Its file system.
        script: A file of ``guest_scripts``.
        folder: An empty folder that its runs share, for its memory too.
    """

    def __init__(self, device: Device, sysroot: Sysroot, script: str, folder: Path) -> None:
        self._device = device
        self._sysroot = sysroot
        self._folder = folder
        self._script = folder / script
        folder.mkdir()
        shutil.copyfile(_SCRIPTS / script, self._script)
        shutil.copyfile(_SCRIPTS.with_name("loops.py"), folder / "loops.py")
        package = Path(edgeml_runtime.__path__[0])
        without = shutil.ignore_patterns("__pycache__")
        copied = Path(shutil.copytree(package, folder / package.name, ignore=without))
        qemu = (str(find_qemu(device)), "-cpu", device.qemu_cpu, "-L", str(sysroot.path))
        compile_tree(copied, copied, device.python, (*qemu, str(sysroot.python), "-P", "-s"))

    def run(self, arguments: Sequence[str]) -> None:
        """Run the script."""
        self._run(arguments, None)

    def count(self, arguments: Sequence[str], *, from_start: bool = False) -> Counts:
        """Run the script under the counter and return the report.

        Args:
            arguments: Of the script.
            from_start: Count from the first instruction on, not only between markers.
        """
        report = self._folder / "counts.json"
        self._run(arguments, build_plugin().argument(report, (), from_start=from_start))
        return read_counts(report)

    def _run(self, arguments: Sequence[str], plugin: str | None) -> None:
        run_guest(
            self._device,
            self._sysroot,
            [str(self._script), *arguments],
            plugin=plugin,
            environment={"EDGEML_RUNTIME_CACHE": str(self._folder / "memory")},
            timeout_s=3600.0,
        )
