"""What to say when a guest did not end well.

Knows signals, and how a guest script hands a worded error to the host: as an ``edgeml.error/1``
document on a line of its own. Must not run a guest, save once more to find an illegal instruction.
"""

import json
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeml_devices.device import Device
from edgeml_devices.emulation.illegal_instruction import explain_sigill
from edgeml_devices.process import Finished
from edgeml_runtime.errors import (
    EdgemlError,
    EngineCrashError,
    GateError,
    InputError,
    InternalError,
    MissingToolError,
)

# Said by engines and QEMU under emulation whatever happens; nobody can act on it.
_CHATTER = ("Unknown CPU vendor", "qemu: uncaught target signal")

_DEATHS = {
    signal.SIGILL: "an illegal instruction",
    signal.SIGSEGV: "a segmentation fault",
    signal.SIGBUS: "a bus error",
    signal.SIGFPE: "an arithmetic fault",
    signal.SIGABRT: "a call of abort()",
    signal.SIGTRAP: "a trap instruction",
    signal.SIGKILL: "being killed, most likely for want of memory",
}


@dataclass(frozen=True)
class Guest:
    """A run of a board's Python.

    Args:
        device: The board.
        qemu: QEMU and its options.
        python: The board's Python and its arguments.
        environment: The whole environment.
    """

    device: Device
    qemu: tuple[str, ...]
    python: tuple[str, ...]
    environment: Mapping[str, str]

    @property
    def name(self) -> str:
        """What runs, for messages: the script's file name."""
        first = self.python[1] if len(self.python) > 1 else "python"
        return f"python {first}" if first.startswith("-") else Path(first).name


def explain_failure(guest: Guest, left: Finished) -> EdgemlError:
    """Return the error for a guest that ended with a code other than 0.

    What it wrote is attached as a note, which ``--debug`` shows.
    """
    stderr = without_chatter(left.stderr)
    if left.returncode < 0:
        error: EdgemlError = _death(guest, -left.returncode)
    else:
        error = _worded_error(left.stdout) or _unworded_error(guest, stderr)
    error.add_note(f"Command: {' '.join((*guest.qemu, *guest.python))}\n{stderr}")
    return error


def without_chatter(text: str) -> str:
    """Return *text* less the lines that emulation always brings."""
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not any(words in line for words in _CHATTER))


def _death(guest: Guest, number: int) -> EngineCrashError:
    device = guest.device
    killed_by = signal.Signals(number)
    cause = _DEATHS.get(killed_by, "a signal")
    remedy = "Choose another engine or engine version for this board."
    where = ""
    if killed_by is signal.SIGILL:
        found = explain_sigill((*guest.qemu, *guest.python), guest.environment, device)
        where = f": {found}" if found else ""
        remedy = (
            f"{_refusing_core(device)}: choose another version of the engine "
            "(--engine NAME==VERSION) or another engine."
        )
    return EngineCrashError(
        f"{guest.name} died on the emulated {device.title} of {cause} ({killed_by.name}){where}.",
        remedy,
    )


def _refusing_core(device: Device) -> str:
    if device.qemu_cpu == device.core.lower():
        return f"The {device.core} lacks that instruction, so the board dies of it too"
    return (
        f"QEMU's {device.qemu_cpu}, which stands in for the {device.core}, lacks that instruction, "
        "so the board most likely dies of it too"
    )


def _worded_error(stdout: str) -> EdgemlError | None:
    kinds = {kind.exit_code: kind for kind in (GateError, InputError, MissingToolError)}
    for line in stdout.splitlines():
        if line.startswith("{") and '"edgeml.error/1"' in line:
            document = json.loads(line)
            kind = kinds.get(document["exit_code"], InternalError)
            return kind(document["problem"], document["remedy"])
    return None


def _unworded_error(guest: Guest, stderr: str) -> InputError:
    lines = stderr.strip().splitlines()
    reason = lines[-1] if lines else "it said nothing"
    return InputError(
        f"{guest.name} failed on the emulated {guest.device.title}: {reason.rstrip('.')}.",
        "Repeat the command with --debug to see all that it wrote.",
    )
