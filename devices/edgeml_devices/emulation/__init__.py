"""A board's user space on this machine, without root: real packages, real engines, under QEMU."""

from edgeml_devices.emulation.board_run import BoardRun, VariantRun, run_bundle
from edgeml_devices.emulation.guest import GuestResult, run_guest
from edgeml_devices.emulation.qemu import find_qemu
from edgeml_devices.emulation.sysroot import Sysroot, ensure_sysroot, ensure_sysroots

__all__ = [
    "BoardRun",
    "GuestResult",
    "Sysroot",
    "VariantRun",
    "ensure_sysroot",
    "ensure_sysroots",
    "find_qemu",
    "run_bundle",
    "run_guest",
]
