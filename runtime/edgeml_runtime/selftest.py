"""The self-test: does this board give the answers of the source model, and which board is it?"""

import os
from collections.abc import Mapping
from typing import Any, Callable

import numpy as np

from edgeml_runtime.frozen import dataclass

_MOST_THREADS = 4
"""More gain little on networks of a size for boards."""

# The lines of /proc/cpuinfo (Arm and x86) that describe the machine and not its present state.
_LASTING = (
    *("cpu architecture", "cpu implementer", "cpu part", "cpu revision", "cpu variant"),
    *("features", "flags", "hardware", "model", "model name", "serial"),
)
_CPUS = "/sys/devices/system/cpu"
_CGROUPS = "/sys/fs/cgroup"
# Cores of Arm by "CPU part": https://github.com/util-linux/util-linux/blob/master/sys-utils/lscpu-arm.c
_ARM_CORES = {
    0xC07: "A7",
    0xC08: "A8",
    0xC09: "A9",
    0xC0F: "A15",
    0xD03: "A53",
    0xD04: "A35",
    0xD05: "A55",
    0xD07: "A57",
    0xD08: "A72",
    0xD09: "A73",
    0xD0A: "A75",
    0xD0B: "A76",
    0xD0D: "A77",
    0xD41: "A78",
    0xD46: "A510",
    0xD47: "A710",
}


def board_identity() -> str:
    """Return a text that is the same on every run on this board, and differs on others."""
    lines = {line for line in _lines("/proc/cpuinfo") if _key(line) in _LASTING}
    return "\n".join([os.uname().machine, *sorted(lines)])


def cpu_name() -> str:
    """Return the architecture and the kinds of cores: ``aarch64 with Cortex-A72``."""
    lines = _lines("/proc/cpuinfo")
    parts = sorted({_value(line) for line in lines if _key(line) == "cpu part"})
    names = [_core_name(part) for part in parts]
    names += sorted({_value(line) for line in lines if _key(line) == "model name"})[: not names]
    return " with ".join([os.uname().machine, *([" and ".join(names)] if names else [])])


def cpu_features() -> tuple[str, ...]:
    """Return the features that the kernel reports of the processor, sorted."""
    lines = [line for line in _lines("/proc/cpuinfo") if _key(line) in ("features", "flags")]
    return tuple(sorted({feature for line in lines for feature in _value(line).split()}))


def board_threads() -> tuple[int, str]:
    """Return how many threads suit this board, and why.

    One for each core that is about as fast as the fastest: where fast cores wait for slow ones, the
    slow ones set the pace. Fewer where the process may use fewer, and never more than four.
    """
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    if not usable:
        return min(os.cpu_count() or 1, _MOST_THREADS), "cores of this machine"
    speeds = [_number(f"{_CPUS}/cpu{core}/cpu_capacity") for core in usable]
    if not all(speeds):
        speeds = [_number(f"{_CPUS}/cpu{core}/cpufreq/cpuinfo_max_freq") for core in usable]
    fast = sum(speed >= 0.8 * max(speeds) for speed in speeds)
    quota = _quota_cores()
    threads = max(1, min(fast, quota, _MOST_THREADS))
    if quota < fast:
        return threads, f"the container may use {quota:g} of {fast} cores"
    kind = "fast cores" if fast < len(usable) else "cores"
    return threads, f"{fast} {kind} of {os.cpu_count()}" + (", and at most 4" if fast > 4 else "")


def _quota_cores() -> int:
    """Return the whole cores that the control group (version 2) grants, or a large number."""
    own = next((line[3:] for line in _lines("/proc/self/cgroup") if line.startswith("0::")), "/")
    for folder in (own, "/"):
        quota, _, period = "".join(_lines(f"{_CGROUPS}{folder}/cpu.max")).partition(" ")
        if quota.isdigit() and period.isdigit() and int(period):
            return max(1, int(quota) // int(period))
    return 1 << 16


def _core_name(part: str) -> str:
    try:
        return f"Cortex-{_ARM_CORES[int(part, 16)]}"
    except (KeyError, ValueError):
        return f"part {part}"


def _number(path: str) -> int:
    text = "".join(_lines(path))
    return int(text) if text.isdigit() else 0


def _lines(path: str) -> "list[str]":
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except OSError:  # not Linux, or a kernel that does not tell
        return []


def _key(line: str) -> str:
    return line.partition(":")[0].strip().lower()


def _value(line: str) -> str:
    return line.partition(":")[2].strip()


Tensors = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class SelfTest:
    """The outcome.

    Args:
        samples: How many golden vectors were run; 0 when the bundle has none.
        worst_error: The largest absolute difference over all outputs; infinite for NaN or a wrong
            shape.
        tolerance: The largest that passes.
        passed: Whether all were within the tolerance.
        outputs_sha256: Digest of all outputs of each sample, which tells whether two machines give
            the same bits.
    """

    samples: int
    worst_error: float
    tolerance: float
    passed: bool
    outputs_sha256: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the entry ``self_test`` of ``verify --json``; an infinite error is null."""
        finite = self.worst_error != float("inf")
        return {
            "samples": self.samples,
            "worst_error": self.worst_error if finite else None,
            "tolerance": self.tolerance,
            "passed": self.passed,
            "outputs_sha256": list(self.outputs_sha256),
        }


def run_self_test(
    golden: list[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]],
    run: Callable[[Tensors], Tensors],
    tolerance: float,
) -> SelfTest:
    """Run every golden vector through *run* and compare, in the source model's terms.

    Args:
        golden: ``(inputs, expected outputs)`` of each sample.
        run: The model under test.
        tolerance: The largest absolute difference that passes.
    """
    worst = 0.0
    digests = []
    for inputs, expected in golden:
        outputs = run(inputs)
        worst = max([worst, *(_error(outputs[name], expected[name]) for name in expected)])
        digests.append(_outputs_sha256(outputs))
    return SelfTest(len(golden), worst, tolerance, worst <= tolerance, tuple(digests))


def _outputs_sha256(outputs: Tensors) -> str:
    import hashlib  # noqa: PLC0415 - slow to import, and not needed at every start

    digest = hashlib.sha256()
    for name in sorted(outputs):
        array = np.ascontiguousarray(outputs[name])
        digest.update(f"{name}:{array.dtype.str}:{array.shape}\0".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _error(found: np.ndarray, expected: np.ndarray) -> float:
    if found.shape != expected.shape:
        return float("inf")
    difference = np.abs(found.astype(np.float64) - expected.astype(np.float64))
    same = found == expected  # infinities that agree would differ by NaN
    worst = float(np.max(np.where(same, 0.0, difference), initial=0.0))
    return worst if worst == worst else float("inf")  # noqa: PLR0124 - NaN differs from itself
