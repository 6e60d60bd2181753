"""Prints how many of ONNX's node tests pass: `python -m benchmarks.onnx_nodes`."""

import argparse
import json
import multiprocessing
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection

from benchmarks.command import worded
from benchmarks.onnx_nodes.cases import Case, collect_cases
from benchmarks.onnx_nodes.outcome import Outcome, Verdict, judge

LEAST_PASSED = 1200
WORKERS = 2


def main() -> int:
    """Run the cases; return 1 when one failed or too few passed."""
    options = _options()
    cases = collect_cases(freeze=not options.as_given)
    chosen = [case for case in cases if options.op in {"", case.op_type, case.name}]
    outcomes = list(_judge_all(chosen))
    counts = Counter(outcome.verdict for outcome in outcomes)
    if options.json:
        print(json.dumps([vars(outcome) for outcome in outcomes], indent=1))
    for outcome in outcomes:
        if outcome.verdict in options.list or (outcome.verdict == "failed" and not options.json):
            print(f"{outcome.verdict} {outcome.op_type} {outcome.case}: {outcome.reason}")
    if options.json:
        return 0
    if options.by_op:
        _print_by_op(outcomes)
    form = "as given" if options.as_given else "parameters constant"
    print(
        f"{len(outcomes)} node tests, {form}: {counts['passed']} passed "
        f"(at least {LEAST_PASSED}), {counts['refused']} refused, {counts['failed']} failed (at "
        "most 0)"
    )
    missed = counts["failed"] > 0 or (not options.op and counts["passed"] < LEAST_PASSED)
    return int(missed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.onnx_nodes", description=__doc__)
    parser.add_argument("--op", default="", help="only this operator, or this case")
    parser.add_argument("--list", action="append", default=[], choices=("passed", "refused"))
    parser.add_argument("--by-op", action="store_true", help="print the counts of each operator")
    parser.add_argument("--as-given", action="store_true", help="keep parameters as inputs")
    parser.add_argument("--json", action="store_true", help="print every outcome as JSON")
    return parser.parse_args()


def _print_by_op(outcomes: Sequence[Outcome]) -> None:
    verdicts: dict[str, Counter[Verdict]] = {}
    for outcome in outcomes:
        verdicts.setdefault(outcome.op_type, Counter())[outcome.verdict] += 1
    for op_type, found in sorted(verdicts.items()):
        print(f"{op_type:28} {found['passed']:4} passed {found['refused']:4} refused")


def _judge_all(cases: Sequence[Case]) -> Iterator[Outcome]:
    """Yield the outcome of each case; the cases run in processes, as an engine may die of one."""
    shares = [cases[start::WORKERS] for start in range(WORKERS)]
    workers = [_Worker(share) for share in shares]
    for worker in workers:
        yield from worker.outcomes()


class _Worker:
    """A process for a share of the cases, and another one for what is left when it dies."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self._left = list(cases)
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("fork")
        self._answers, ours = context.Pipe(duplex=False)
        self._process = context.Process(target=_run, args=(self._left, ours))
        self._process.start()
        ours.close()

    def outcomes(self) -> Iterator[Outcome]:
        while self._left:
            try:
                outcome: Outcome = self._answers.recv()
            except EOFError:
                case = self._left.pop(0)
                self._process.join()
                reason = f"the process died (exit code {self._process.exitcode})"
                yield Outcome(case.name, case.op_type, "failed", reason)
                self._start()
            else:
                self._left.pop(0)
                yield outcome
        self._process.join()


def _run(cases: Sequence[Case], answers: Connection) -> None:
    for case in cases:
        answers.send(judge(case))
    answers.close()


if __name__ == "__main__":
    sys.exit(worded(main))
