"""What tells this machine from others: needed to know whether a check was made here."""

import hashlib
import platform
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")

# The lines of /proc/cpuinfo (Arm and x86) that describe the machine and not its present state.
_LASTING = (
    *("cpu architecture", "cpu implementer", "cpu part", "cpu revision", "cpu variant"),
    *("features", "flags", "hardware", "model", "model name", "serial"),
)


def board_fingerprint() -> str:
    """Return a short digest that is the same on every run on this board, and differs on others."""
    lines = [platform.machine(), *_lasting_lines()]
    return hashlib.sha256("\n".join(lines).encode("utf-8")).hexdigest()[:16]


def _lasting_lines() -> "list[str]":
    try:
        text = _CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux: the kind of machine must do
        return []
    return sorted({line for line in text.splitlines() if _key(line) in _LASTING})


def _key(line: str) -> str:
    return line.partition(":")[0].strip().lower()
