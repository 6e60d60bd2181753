"""What the runtime adds to one inference: `python -m benchmarks.runtime_overhead`.

`Model.run` and `Model(sample)` without preprocessing, beside a plain loop over the engine: in CPU
time of this machine, in turns, the least of each, and in instructions on an emulated
Raspberry Pi 4.
"""

import sys
import tempfile
import time
from pathlib import Path

from benchmarks.command import worded
from benchmarks.runtime_cost.bundles import Case, make_cases
from benchmarks.runtime_cost.guest_program import GuestProgram
from benchmarks.runtime_cost.loops import engine_call, runtime_calls
from edgeml_devices.emulation import ensure_sysroot
from edgeml_devices.profile import load_device

LIMIT_US = 20.0
LIMIT_SHARE = 0.01
# A Cortex-A72 at 1.5 GHz executes about one instruction of the Python interpreter in a cycle.
LIMIT_INSTRUCTIONS = 30_000
_SECONDS = 4.0


def main() -> int:
    """Print each cost beside the larger of the limits; return 1 when one is above."""
    board = load_device("rpi4")
    with tempfile.TemporaryDirectory(prefix="edgeml-runtime-overhead-") as name:
        folder = Path(name)
        program = GuestProgram(board, ensure_sysroot(board), "overhead.py", folder / "guest")
        passed = []
        for case in make_cases(folder):
            passed += [_timed(case), _counted(program, case)]
    return int(not all(passed))


def _timed(case: Case) -> bool:
    """Print what is added in CPU time on this machine: the three calls in turns, the least."""
    calls = {
        "engine": engine_call(case.engine, str(case.model)),
        **runtime_calls(str(case.bundle), case.variant, case.engine),
    }
    times_us: dict[str, list[float]] = {how: [] for how in calls}
    end = time.perf_counter() + _SECONDS
    while time.perf_counter() < end or len(times_us["engine"]) < 20:
        for how, call in calls.items():
            begin_ns = time.thread_time_ns()
            call()
            times_us[how].append((time.thread_time_ns() - begin_ns) / 1e3)
    least = {how: min(times) for how, times in times_us.items()}
    return _told(case, least, "us on this machine", LIMIT_US)


def _counted(program: GuestProgram, case: Case) -> bool:
    """Print what is added in instructions of the board."""
    arguments = (case.engine, str(case.model), str(case.bundle), case.variant)
    counts = {
        how: float(program.count((how, *arguments)).run_instructions)
        for how in ("engine", "run", "call")
    }
    return _told(case, counts, "instructions on the rpi4", LIMIT_INSTRUCTIONS)


def _told(case: Case, costs: dict[str, float], unit: str, limit: float) -> bool:
    alone = costs["engine"]
    limit = max(limit, LIMIT_SHARE * alone)
    added = {how: costs[how] - alone for how in ("run", "call")}
    print(
        f"{case.name}: {alone:,.0f} {unit}; Model.run {added['run']:+,.0f}, "
        f"Model(sample) {added['call']:+,.0f} (limit {limit:,.0f})",
        flush=True,
    )
    return max(added.values()) <= limit


if __name__ == "__main__":
    sys.exit(worded(main))
