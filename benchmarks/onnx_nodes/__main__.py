"""Prints how many of ONNX's node tests pass: `python -m benchmarks.onnx_nodes`."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.command import worded
from benchmarks.onnx_nodes.cases import collect_cases
from benchmarks.onnx_nodes.outcome import Outcome, Verdict
from benchmarks.onnx_nodes.processes import judge_all

LEAST_PASSED = 1200


def main() -> int:
    """Run the cases; return 1 when one failed or too few passed."""
    options = _options()
    cases = collect_cases(freeze=not options.as_given)
    chosen = [case for case in cases if options.op in {"", case.op_type, case.name}]
    outcomes = list(judge_all(chosen))
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
    if options.markdown is not None:
        options.markdown.write_text(_markdown(outcomes), encoding="utf-8")
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
    parser.add_argument("--markdown", type=Path, help="write the table of operators to this file")
    parser.add_argument("--as-given", action="store_true", help="keep parameters as inputs")
    parser.add_argument("--json", action="store_true", help="print every outcome as JSON")
    return parser.parse_args()


def _print_by_op(outcomes: Sequence[Outcome]) -> None:
    for op_type, found in _by_op(outcomes).items():
        print(f"{op_type:28} {found['passed']:4} passed {found['refused']:4} refused")


def _by_op(outcomes: Sequence[Outcome]) -> dict[str, Counter[Verdict]]:
    verdicts: dict[str, Counter[Verdict]] = {}
    for outcome in outcomes:
        verdicts.setdefault(outcome.op_type, Counter())[outcome.verdict] += 1
    return dict(sorted(verdicts.items()))


def _markdown(outcomes: Sequence[Outcome]) -> str:
    """Return the page of operators: how many cases of each come out right, and what is refused."""
    by_op = _by_op(outcomes)
    reasons = {
        op_type: next(
            (o.reason for o in outcomes if o.op_type == op_type and o.verdict == "refused"), ""
        )
        for op_type in by_op
    }
    written = sum(1 for found in by_op.values() if found["passed"])
    total = Counter(outcome.verdict for outcome in outcomes)
    head = (
        "# ONNX operators in TFLite\n\n"
        "Made by `python -m benchmarks.onnx_nodes --markdown docs/operators.md`: ONNX's own test "
        f"cases through the TFLite writer and LiteRT. {written} operators have cases that come out "
        f"right; {total['passed']} cases pass, {total['refused']} are refused by name, "
        f"{total['failed']} come out wrong. Many that are refused are of types that TFLite lacks "
        "(float8, 4-bit floats, text, sequences) or train a network.\n\n"
        "| operator | right | refused | the first refusal |\n|---|---|---|---|\n"
    )
    rows = (
        f"| {op_type} | {found['passed']} | {found['refused']} | {_reason(reasons[op_type])} |\n"
        for op_type, found in by_op.items()
    )
    return head + "".join(rows)


def _reason(problem: str) -> str:
    """Return a refusal without the names of files and nodes."""
    if ".onnx' " in problem:
        return problem.partition(".onnx' ")[2]
    first = problem.partition("form: ")[2].partition("; ")[0]
    return first.partition("): ")[2].rstrip(".") or problem


if __name__ == "__main__":
    sys.exit(worded(main))
