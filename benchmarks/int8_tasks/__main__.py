"""Real models, float beside int8, on data with an answer: `python -m benchmarks.int8_tasks`.

Prints each figure beside its bound, in both formats, and what int8 wins on emulated boards.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.command import worded
from benchmarks.int8_tasks.answers import FLOAT, Converted, Verdict, convert, verdicts
from benchmarks.int8_tasks.catalog import TASKS
from benchmarks.int8_tasks.speed import Race, races
from benchmarks.int8_tasks.task import Task
from edgeml_runtime.cache_folder import cache_root
from edgeml_runtime.errors import InputError


def main() -> int:
    """Print a line a figure and a line a race; return 1 when a bound is missed."""
    options = _options()
    root = options.keep or cache_root() / "benchmarks" / "int8_tasks"
    missed, documents = False, []
    for task in _chosen(options.names):
        if not options.json:
            print(f"{task.name}: {task.about}", flush=True)
        targets = [name for name in options.target.split(",") if name]
        converted = convert(task, options.quantize, targets, root / options.quantize / task.name)
        candidates = converted.candidates
        found = verdicts(task, candidates)
        missed = missed or not all(all(verdict.met.values()) for verdict in found)
        lines = [*_searched(converted), *map(_figures, found)]
        rejected = [candidate.name for candidate in candidates if candidate.rejected]
        lines += [f"{name} is rejected by edgeml convert" for name in rejected]
        if not options.json:
            print("\n".join(f"  {line}" for line in lines), flush=True)
        run = [] if options.no_latency else races(task.name, candidates)
        if not options.json:
            print("".join(f"  {_speeds(race)}\n" for race in run), end="", flush=True)
        documents.append(_document(task, converted, found, run))
    if options.json:
        print(json.dumps(documents, indent=1))
    return int(missed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.int8_tasks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(TASKS)}")
    parser.add_argument("--quantize", default="int8", help="a precision, or auto")
    parser.add_argument("--target", default="rpi4", help="boards of --quantize auto (rpi4)")
    parser.add_argument("--no-latency", action="store_true", help="leave the emulated boards out")
    parser.add_argument("--keep", type=Path, help="folder of the artifacts (in the cache)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser.parse_args()


def _chosen(names: Sequence[str]) -> Iterator[Task]:
    for name in names or TASKS:
        if name not in TASKS:
            raise InputError(f"There is no task '{name}'.", f"Name some of {', '.join(TASKS)}.")
        yield TASKS[name]()


def _searched(converted: Converted) -> list[str]:
    search = converted.search
    if search is None:
        return []
    trials = [
        f"  {trial.name}: drop {trial.drop:.2f}, {trial.sqnr_db:.1f} dB, {trial.size_bytes:,} bytes"
        + "".join(f", {ms:.3g} ms on {board}" for board, ms in trial.latency_ms.items())
        for trial in search.trials
    ]
    seconds = f"{len(trials)} trials and the conversion took {converted.search_s:.0f} s"
    return [*search.reasons, seconds, *trials]


def _figures(verdict: Verdict) -> str:
    parts = [f"{verdict.bound.figure:11} float {verdict.figures[FLOAT]:8.3f}"]
    for name, met in verdict.met.items():
        parts.append(f"{name} {verdict.figures[name]:8.3f} {'met' if met else 'MISSED':6}")
    return "  ".join([*parts, f"({verdict.bound})"])


def _speeds(race: Race) -> str:
    word = "yes" if race.faster else "NO"
    ratio = race.float_ms / race.int8_ms
    times = f"{race.float_ms:9.2f} ms float {race.int8_ms:9.2f} ms {race.name:12} x {ratio:.2f}"
    return f"{race.board} {times}  faster than float: {word}"


def _document(
    task: Task, converted: Converted, found: Sequence[Verdict], run: Sequence[Race]
) -> dict[str, object]:
    return {
        "task": task.name,
        "about": task.about,
        "verdicts": [
            {"figure": v.bound.figure, "bound": str(v.bound), "figures": v.figures, "met": v.met}
            for v in found
        ],
        "rejected": [found.name for found in converted.candidates if found.rejected],
        "search": converted.search and converted.search.to_json(),
        "seconds": converted.search_s,
        "races": [{**asdict(race), "faster": race.faster} for race in run],
    }


if __name__ == "__main__":
    sys.exit(worded(main))
