"""Running a board's Python under QEMU user mode.

Gives the guest the same surroundings every time, so that the same program executes the same
instructions. Must not know what the program does.
"""

import contextlib
import hashlib
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import edgeml_runtime
from edgeml_devices.cache import cache_root, make_folder
from edgeml_devices.device import Device
from edgeml_devices.emulation.guest_failure import Guest, explain_failure, without_chatter
from edgeml_devices.emulation.qemu import find_qemu
from edgeml_devices.emulation.surroundings import own_places, packaged_modules
from edgeml_devices.emulation.sysroot import Sysroot
from edgeml_devices.process import run
from edgeml_runtime.errors import EngineCrashError


@dataclass(frozen=True)
class GuestResult:
    """What a guest that ended well has written."""

    stdout: str
    stderr: str


def run_guest(
    device: Device,
    sysroot: Sysroot,
    arguments: Sequence[str],
    *,
    plugin: str | None = None,
    environment: Mapping[str, str] = {},
    timeout_s: float = 600,
) -> GuestResult:
    """Run the board's Python with *arguments* and return what it wrote.

    Args:
        device: The board.
        sysroot: Its file system.
        arguments: What follows ``python`` on the command line; paths are the host's.
        plugin: QEMU's ``-plugin`` argument: ``FILE.so,key=value``.
        environment: Variables set besides those that every guest gets.
        timeout_s: The guest is killed after this time.

    Raises:
        EngineCrashError: A signal killed the guest, or it ran too long.
        GateError, InputError, MissingToolError, InternalError: The guest script ended with this
            error; `InputError` too when its Python ended with an error that nobody worded.
        MissingToolError: QEMU is missing.
    """
    qemu = (str(find_qemu(device)), "-cpu", device.qemu_cpu, "-L", str(sysroot.path), "-seed", "1")
    options = ("-plugin", plugin) if plugin else ()
    guest = Guest(
        device=device,
        qemu=qemu,
        python=(str(sysroot.python), *arguments),
        environment={**_environment(device, sysroot), **environment},
    )
    try:
        left = run([*qemu, *options, *guest.python], guest.environment, timeout_s)
    except subprocess.TimeoutExpired as error:
        raise EngineCrashError(
            f"{guest.name} did not end within {timeout_s:g} s on the emulated {device.title}.",
            "Try a smaller model or fewer samples.",
        ) from error
    if left.returncode != 0:
        raise explain_failure(guest, left)
    return GuestResult(left.stdout, without_chatter(left.stderr))


def _environment(device: Device, sysroot: Sysroot) -> dict[str, str]:
    """Return the whole environment of a guest: nothing of the host's."""
    modules = (sysroot.site, _runtime_folder(), packaged_modules(sysroot.path))
    return {
        **own_places(device, sysroot.path),
        "PATH": "/usr/bin:/bin",
        "HOME": "/nonexistent",  # engines keep no state from one run to the next
        "EDGEML_RUNTIME_CACHE": "/dev/null",  # nor does the runtime
        "LC_ALL": "C.UTF-8",
        "OPENBLAS_NUM_THREADS": "1",
        # Else onnxruntime 1.32 starts threads that write to HOME and to the network: no two runs
        # of it would be alike, and nobody asked for it.
        "ORT_DISABLE_TELEMETRY": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        "PYTHONPATH": ":".join(str(folder) for folder in modules if folder.is_dir()),
    }


def _runtime_folder() -> Path:
    # A folder that holds nothing but edgeml_runtime: the one it is installed in may hold packages
    # of the host that the guest must not find.
    package = Path(edgeml_runtime.__path__[0]).absolute()
    name = hashlib.sha256(str(package).encode()).hexdigest()[:12]
    folder = make_folder(cache_root() / "runtime" / name)
    with contextlib.suppress(FileExistsError):
        (folder / "edgeml_runtime").symlink_to(package)
    return folder
