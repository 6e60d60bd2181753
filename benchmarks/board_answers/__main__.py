"""Golden vectors of bundles, here and on emulated boards: `python -m benchmarks.board_answers`.

Every variant runs in every engine of this machine and of each board. A line tells how far the
answers are from the source model's, beside what the bundle allows, and whether their bits are those
that the same engine gives here.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.board_answers.example_bundles import BUNDLES, example_bundle
from benchmarks.command import worded
from edgeml_devices.emulation import ensure_sysroot, run_bundle
from edgeml_devices.profile import load_device
from edgeml_runtime.cache_folder import cache_root
from edgeml_runtime.errors import InputError, UnsupportedError
from edgeml_runtime.trials import verify_bundle

HOST = "host"
BOARDS = ("rpi4", "rpi5", "rpi3-armv7")
Digests = dict[tuple[str, str], tuple[str, ...]]


@dataclass(frozen=True)
class Answer:
    """One variant in one engine on one machine.

    Args:
        bundle: Name of the bundle.
        machine: ``host`` or a board.
        variant: Id of the variant.
        engine: Name and version.
        worst_error: Largest difference from the source model; None when it is not finite.
        tolerance: The largest that passes.
        passed: Whether it does.
        same_bits: Whether the outputs are bit for bit those of the host's engine of that name; None
            where the host has none.
    """

    bundle: str
    machine: str
    variant: str
    engine: str
    worst_error: float | None
    tolerance: float
    passed: bool
    same_bits: bool | None


def main() -> int:
    """Print a line for each variant, engine and machine; return 1 when one is off."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.board_answers", description=__doc__)
    parser.add_argument(
        "bundles", nargs="*", metavar="BUNDLE", help=f"files, or some of {', '.join(BUNDLES)} (all)"
    )
    parser.add_argument("--target", default=",".join(BOARDS), help=f"({','.join(BOARDS)})")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    targets = [name for name in options.target.split(",") if name]
    answers: list[Answer] = []
    for path in map(_path, options.bundles or BUNDLES):
        for answer in _answers(path, targets):
            answers.append(answer)
            if not options.json:
                print(_line(answer), flush=True)
    off = sum(not answer.passed for answer in answers)
    if options.json:
        print(json.dumps([asdict(answer) for answer in answers], indent=1))
    else:
        print(f"{len(answers)} runs, {off} off (0)")
    return int(off > 0)


def _path(given: str) -> Path:
    if given in BUNDLES:
        return example_bundle(given, cache_root() / "benchmarks" / "board_answers")
    if not Path(given).is_file():
        raise InputError(
            f"{given}: is no bundle and no example.",
            f"Give a file, or some of {', '.join(BUNDLES)}.",
        )
    return Path(given)


def _answers(path: Path, targets: Sequence[str]) -> Iterator[Answer]:
    here: Digests = {}
    name = path.stem
    for check in verify_bundle(path).checks:
        outcome = check.outcome
        engine = f"{check.engine} {check.engine_version}"
        if outcome is None:
            yield Answer(name, HOST, check.variant, engine, None, 0.0, passed=False, same_bits=None)
            continue
        here[check.variant, check.engine] = outcome.outputs_sha256
        error = None if outcome.worst_error == float("inf") else outcome.worst_error
        found = (check.variant, engine, error, outcome.tolerance)
        yield Answer(name, HOST, *found, passed=outcome.passed, same_bits=True)
    for target in targets:
        yield from _answers_of_board(path, target, here)


def _answers_of_board(path: Path, target: str, here: Digests) -> Iterator[Answer]:
    device = load_device(target)
    try:
        runs = run_bundle(device, ensure_sysroot(device), path).runs
    except UnsupportedError as error:  # a bundle of ONNX files alone on a board without onnxruntime
        print(f"{path.stem:14} {target:11} {error.problem}", flush=True)
        return
    for run in runs:
        digests = here.get((run.variant, run.engine))
        yield Answer(
            path.stem,
            target,
            run.variant,
            f"{run.engine} {run.engine_version}",
            run.worst_error,
            run.tolerance,
            passed=run.passed,
            same_bits=None if digests is None else tuple(run.outputs_sha256) == tuple(digests),
        )


def _line(answer: Answer) -> str:
    error = "not finite" if answer.worst_error is None else f"{answer.worst_error:.2g}"
    bits = {True: "same bits", False: "other bits", None: ""}[answer.same_bits]
    return (
        f"{answer.bundle:14} {answer.machine:11} {answer.variant:15} {answer.engine:22} "
        f"{error:>8} of {answer.tolerance:<8.2g} {'ok' if answer.passed else 'OFF':3} {bits}"
    ).rstrip()


if __name__ == "__main__":
    sys.exit(worded(main))
