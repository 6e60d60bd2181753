"""Converts models with edgeml and its peers: `python -m benchmarks.converter_peers`.

Peers run in environments of their own. One that is not there is left out, unless --install says to
make it, or an interpreter that has it is given.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.command import worded
from benchmarks.converter_peers.converters import Converter, converters
from benchmarks.converter_peers.subject import Subject, subjects
from benchmarks.converter_peers.trial import Trial, attempt
from benchmarks.converter_peers.verdict import COLUMNS, Verdict, total, verdicts
from benchmarks.peer_environments import peer_python
from edgeml_converters.sources.foreign.framework import load_frameworks
from edgeml_runtime.cache_folder import cache_root
from edgeml_runtime.errors import InputError

_CONVERTERS = ("edgeml", "onnx2tf", "litert-torch")


def main() -> int:
    """Print a line a trial, verdicts and totals; return 1 when edgeml misses a right answer."""
    options = _options()
    pythons = _interpreters(options)
    trials = []
    for trial in _trials(options, pythons):
        trials.append(trial)
        if not options.json:
            print(_line(trial), flush=True)
    found = verdicts(trials)
    behind = [verdict for verdict in found if verdict.standings["right"] == "trails"]
    if options.json:
        print(json.dumps([{**asdict(trial), "right": trial.right} for trial in trials], indent=1))
        return int(bool(behind))
    print()
    for verdict in found:
        print(verdict.sentence)
    print()
    for line in _standing_counts(found):
        print(line)
    for name in pythons:
        print(_totals(name, [trial for trial in trials if trial.converter == name]))
    print(f"{len(behind)} models where a peer is right and edgeml is not (at most 0)")
    return int(bool(behind))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.converter_peers", description=__doc__
    )
    parser.add_argument("--only", action="append", choices=_CONVERTERS, default=[])
    parser.add_argument("--models", default="", help="names, with commas between them")
    parser.add_argument("--keep", type=Path, help="folder of files and results (in the cache)")
    parser.add_argument("--install", action="store_true", help="set up peers that are missing")
    parser.add_argument("--onnx2tf-python", type=Path, help="an interpreter that has onnx2tf")
    parser.add_argument("--litert-torch-python", type=Path, help="one that has litert-torch")
    parser.add_argument("--json", action="store_true", help="print every trial as JSON")
    return parser.parse_args()


def _interpreters(options: argparse.Namespace) -> Mapping[str, Path]:
    """Return the interpreter of each converter that takes part."""
    given = {"onnx2tf": options.onnx2tf_python, "litert-torch": options.litert_torch_python}
    found = {}
    for converter in converters():
        if options.only and converter.name not in options.only:
            continue
        if converter.peer is None:
            found[converter.name] = Path(sys.executable)
        elif python := given[converter.name] or peer_python(converter.peer, options.install):
            found[converter.name] = python
        else:
            print(f"{converter.name} is not installed; --install sets it up", file=sys.stderr)
    return found


def _trials(options: argparse.Namespace, pythons: Mapping[str, Path]) -> Iterator[Trial]:
    folder = options.keep or cache_root() / "benchmarks" / "converter_peers"
    torch = load_frameworks()["torch"]
    torch_python = peer_python(torch, options.install)
    if torch_python is None:
        print("PyTorch is not installed; --install sets it up", file=sys.stderr)
    known = subjects(torch_python)
    names = options.models.split(",") if options.models else list(known)
    for name in names:
        if name not in known:
            raise InputError(f"There is no model '{name}'.", f"Name some of {', '.join(known)}.")
        own = folder.absolute() / name
        own.mkdir(parents=True, exist_ok=True)
        yield from _of_subject(known[name](own), pythons, own)


def _of_subject(subject: Subject, pythons: Mapping[str, Path], folder: Path) -> Iterator[Trial]:
    chosen: Sequence[Converter] = [c for c in converters() if c.name in pythons]
    for converter in chosen:
        if converter.takes(subject):
            yield attempt(converter, pythons[converter.name], subject, folder)


def _line(trial: Trial) -> str:
    found = trial.answers
    cost = f"{trial.cpu_s:6.1f} s {trial.peak_mib:6.0f} MiB"
    start = f"{trial.subject:22} {trial.converter:12} {cost}"
    touched = "" if trial.source_kept else "  source changed"
    if found.error_share is None:
        state = "does not load" if trial.converts else "does not convert"
        return f"{start}  {state}: {trial.reason}{touched}"
    verdict = "right" if trial.right else "WRONG"
    figures = f"{found.ops:6} ops {found.transposes:4} transposes"
    return f"{start} {figures}  {verdict} {found.error_share:.1e}{touched}"


def _standing_counts(found: Sequence[Verdict]) -> Iterator[str]:
    for peer in dict.fromkeys(verdict.peer for verdict in found):
        of_peer = [verdict for verdict in found if verdict.peer == peer]
        for column in COLUMNS:
            held = Counter(v.standings[column] for v in of_peer if column in v.standings)
            counts = ", ".join(f"{word} in {held[word]}" for word in ("leads", "ties", "trails"))
            yield f"edgeml beside {peer}, {column}: {counts}"


def _totals(name: str, trials: Sequence[Trial]) -> str:
    counts = total(trials)
    right = [trial for trial in trials if trial.right]
    cpu_s = sum(trial.cpu_s for trial in trials)
    return (
        f"{name}: {counts['convert']} of {counts['models']} convert, {counts['load']} load, "
        f"{counts['right']} right; source kept in {counts['kept']}; "
        f"{sum(trial.answers.ops for trial in right)} ops and "
        f"{sum(trial.answers.transposes for trial in right)} transposes of those right, "
        f"{cpu_s:.0f} s CPU"
    )


if __name__ == "__main__":
    sys.exit(worded(main))
