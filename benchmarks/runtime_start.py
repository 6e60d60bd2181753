"""What a program's start costs with the runtime: `python -m benchmarks.runtime_start`.

Import, load and first inference on an emulated Raspberry Pi 4, in instructions, beside a program
that imports numpy and the engine and opens the model itself. The self-test was passed before.
"""

import sys
import tempfile
from pathlib import Path

from benchmarks.command import worded
from benchmarks.runtime_cost.bundles import Case, make_cases
from benchmarks.runtime_cost.guest_program import GuestProgram
from edgeml_devices.emulation import ensure_sysroot
from edgeml_devices.emulation.plugin import Counts
from edgeml_devices.profile import load_device

LIMIT = 0.10


def main() -> int:
    """Print each share beside the limit; return 1 when one is above."""
    board = load_device("rpi4")
    with tempfile.TemporaryDirectory(prefix="edgeml-runtime-start-") as name:
        folder = Path(name)
        program = GuestProgram(board, ensure_sysroot(board), "start.py", folder / "guest")
        shares = [_share(program, case) for case in make_cases(folder)]
    return int(max(shares) > LIMIT)


def _share(program: GuestProgram, case: Case) -> float:
    loading = ("runtime", case.engine, f"{case.bundle}#{case.variant}")
    program.run(loading)  # and so the self-test
    ours = _instructions(program.count(loading, from_start=True))
    alone = _instructions(program.count(("bare", case.engine, str(case.model)), from_start=True))
    share = ours / alone - 1.0
    print(
        f"{case.name}: {ours / 1e6:.1f} M instructions, the engine alone {alone / 1e6:.1f} M: "
        f"+{100 * share:.1f} % (limit {100 * LIMIT:g} %)",
        flush=True,
    )
    return share


def _instructions(counts: Counts) -> float:
    """Return the instructions after the first cut, which is where the program's own work begins."""
    return sum(
        counts.blocks[index].instructions * times
        for part in counts.slices[1:]
        for index, times in part.executions.items()
    )


if __name__ == "__main__":
    sys.exit(worded(main))
