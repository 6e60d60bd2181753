"""CPU time of `edgeml --help`, interpreter included: `python -m benchmarks.startup`."""

import os
import statistics
import subprocess
import sys

LIMIT_S = 0.3
RUNS = 11


def main() -> int:
    """Print the median of several runs beside the limit; return 1 when it is above."""
    seconds = statistics.median(_help_cpu_s() for _ in range(RUNS))
    print(f"edgeml --help: {seconds:.3f} s CPU (median of {RUNS}; limit {LIMIT_S} s)")
    return int(seconds >= LIMIT_S)


def _help_cpu_s() -> float:
    before = os.times()
    subprocess.run([sys.executable, "-m", "edgeml", "--help"], check=True, capture_output=True)
    after = os.times()
    children_s = after.children_user + after.children_system
    return children_s - before.children_user - before.children_system


if __name__ == "__main__":
    sys.exit(main())
