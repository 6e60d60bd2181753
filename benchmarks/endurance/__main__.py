"""Memory, threads and files over a long run: `python -m benchmarks.endurance`.

1,000,000 inferences in each engine, half by `model.run` and half by `model(sample)`, and 100,000
frames of each stream; each in a process of its own. `--share 0.01` does a hundredth of it.
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.command import worded
from benchmarks.endurance.cases import Case, cases, run_case
from benchmarks.endurance.files import write_files
from benchmarks.endurance.footprint import MEMORY_LIMIT_MIB, Footprint, footprint


def main() -> int:
    """Print what each run held beside the limit; return 1 when one is above."""
    options = _options()
    if options.case is not None:
        (case,) = (case for case in cases() if case.name == options.case)
        turns = int(case.turns * options.share)
        print(json.dumps(asdict(footprint(run_case(case, options.bundle, turns), turns))))
        return 0
    with TemporaryDirectory(prefix="edgeml-endurance-") as folder:
        bundle = write_files(Path(folder))
        held = [_held(case, bundle, options.share) for case in cases()]
    return int(not all(held))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.endurance", description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the turns to do (1)")
    parser.add_argument("--case", help="do this one alone, and print JSON")
    parser.add_argument("--bundle", type=Path, help="the bundle of --case")
    return parser.parse_args()


def _held(case: Case, bundle: Path, share: float) -> bool:
    begin = time.monotonic()
    command = [sys.executable, "-m", "benchmarks.endurance", "--case", case.name]
    command += ["--bundle", str(bundle), "--share", str(share)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found = Footprint(**json.loads(done.stdout))
    print(_line(case.name, found, time.monotonic() - begin), flush=True)
    return found.flat


def _line(name: str, found: Footprint, seconds: float) -> str:
    return (
        f"{name}: {found.turns:,} turns in {seconds:.0f} s, {found.start_mib:.2f} MiB at first, "
        f"{found.end_mib:.2f} at the end, {found.low_mib:.2f} to {found.high_mib:.2f} "
        f"(limit {MEMORY_LIMIT_MIB:g} either way), {found.slope_kib:+.1f} KiB in 100,000; "
        f"threads {found.threads[0]} and {found.threads[1]}, "
        f"files {found.files[0]} and {found.files[1]}: {'flat' if found.flat else 'NOT FLAT'}"
    )


if __name__ == "__main__":
    sys.exit(worded(main))
