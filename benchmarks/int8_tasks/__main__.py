"""Real models, float beside int8, on data with an answer: `python -m benchmarks.int8_tasks`.

Prints each figure beside its bound, in both formats, and what int8 wins on emulated boards.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.command import worded
from benchmarks.int8_tasks.answers import FLOAT, Verdict, convert, verdicts
from benchmarks.int8_tasks.catalog import TASKS
from benchmarks.int8_tasks.task import Task
from edgeml_runtime.cache_folder import cache_root
from edgeml_runtime.errors import InputError


def main() -> int:
    """Print a line a figure, and speeds; return 1 when a bound is missed."""
    options = _options()
    met = True
    for task in _chosen(options.names):
        folder = (
            (options.keep or cache_root() / "benchmarks" / "int8_tasks")
            / options.quantize
            / task.name
        )
        bundle = convert(task, options.quantize, folder)
        for verdict in verdicts(task, bundle):
            met = met and all(verdict.met.values())
            print(_line(verdict), flush=True)
    return int(not met)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.int8_tasks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(TASKS)}")
    parser.add_argument("--quantize", default="int8", help="a precision of edgeml convert")
    parser.add_argument("--no-latency", action="store_true", help="leave the emulated boards out")
    parser.add_argument("--keep", type=Path, help="folder of the artifacts (in the cache)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser.parse_args()


def _chosen(names: Sequence[str]) -> Iterator[Task]:
    for name in names or TASKS:
        if name not in TASKS:
            raise InputError(f"There is no task '{name}'.", f"Name some of {', '.join(TASKS)}.")
        yield TASKS[name]()


def _line(verdict: Verdict) -> str:
    parts = [f"{verdict.task:12} {verdict.bound.figure:12} float {verdict.figures[FLOAT]:8.3f}"]
    for variant, met in verdict.met.items():
        word = "met" if met else "MISSED"
        parts.append(f"{variant} {verdict.figures[variant]:8.3f} {word:6}")
    return "  ".join([*parts, f"({verdict.bound})"])


if __name__ == "__main__":
    sys.exit(worded(main))
