"""Prints how many random graphs come out right: `python -m benchmarks.random_graphs`."""

import argparse
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import onnx

from benchmarks.command import worded
from benchmarks.random_graphs.case import grow, seeded
from benchmarks.random_graphs.outcome import Outcome, counted, judge, refusal
from benchmarks.random_graphs.processes import judge_all
from benchmarks.random_graphs.smallest import smallest_failure


def main() -> int:
    """Judge the cases; return 1 when one failed."""
    options = _options()
    seeds = range(options.seed, options.seed + options.cases)
    outcomes = dict(sorted(judge_all(seeds, judge_seed)))
    counts = counted(outcomes)
    for seed, outcome in outcomes.items():
        if outcome.verdict == "failed":
            print(f"failed --cases 1 --seed {seed}: {_failure(seed, outcome, options.save)}")
    _print_refusals(outcomes)
    if options.by_op:
        ops = Counter(op for o in outcomes.values() for op in o.op_types if o.verdict == "passed")
        print(", ".join(f"{op} {count}" for op, count in sorted(ops.items())))
    print(
        f"{len(outcomes)} random graphs of {sum(len(o.op_types) for o in outcomes.values())} "
        f"nodes: {counts['passed']} passed, {counts['refused']} refused, {counts['failed']} failed "
        "(at most 0)"
    )
    return int(counts["failed"] > 0)


def judge_seed(seed: int) -> Outcome:
    """Return what becomes of the case of a seed."""
    return judge(grow(seeded(seed), seed))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.random_graphs", description=__doc__)
    parser.add_argument("--cases", type=int, default=2000, help="how many graphs")
    parser.add_argument("--seed", type=int, default=0, help="of the first; each next is one more")
    parser.add_argument("--by-op", action="store_true", help="print how often each operator passed")
    parser.add_argument("--save", type=Path, help="a folder for the failing parts of the graphs")
    return parser.parse_args()


def _failure(seed: int, outcome: Outcome, folder: Path | None) -> str:
    """Return what failed, in words, having saved the part that fails by itself."""
    if not outcome.op_types:
        return outcome.reason  # it died: so would this process
    part = smallest_failure(grow(seeded(seed), seed))
    reason = f"{judge(part).reason} in {', '.join(part.op_types)}"
    if folder is None:
        return reason
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"random_graph_{seed}.onnx"
    onnx.save(part.model, path)
    return f"{reason}; saved as {path}"


def _print_refusals(outcomes: Mapping[int, Outcome]) -> None:
    refused = [o.reason for o in outcomes.values() if o.verdict == "refused"]
    for reason, count in Counter(map(refusal, refused)).most_common():
        print(f"refused {count}: {reason}")


if __name__ == "__main__":
    sys.exit(worded(main))
