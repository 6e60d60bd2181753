"""int8 of edgeml and of other quantizers: `python -m benchmarks.int8_peers`.

EfficientNet-Lite0 on the photos that EDGEML_IMAGENET names, 100 to calibrate and 300 to score.
Peers run in environments of their own; one that is not there is left out, unless --install makes
it. A machine that is busy with other things costs more CPU time.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.command import worded
from benchmarks.int8_peers.limits import Limit, best_sqnr_db, growth, limits
from benchmarks.int8_peers.methods import METHODS, MIN_MAX, Method, Order
from benchmarks.int8_peers.subject import Subject, prepare_subject
from benchmarks.int8_peers.trial import Judge, Trial, attempt, quantize
from benchmarks.peer_environments import peer_python
from edgeml_runtime.cache_folder import cache_root
from edgeml_runtime.errors import InputError

_HEADS = ("quantizer", "file", "top-1", "drop", "agreement", "SQNR", "size", "CPU", "peak")
_FEW, _MANY = 50, 1000


def main() -> int:
    """Print the figures and the limits; return 1 when edgeml misses one."""
    options = _options()
    chosen = _chosen(options.methods)
    pythons = {m.name: p for m in chosen if (p := _python(m, options.install)) is not None}
    subject = prepare_subject()
    judge = Judge(subject)
    if not options.json:
        print(f"{len(subject.scored.labels)} photos, float32: {judge.top1:.2f} % top-1")
        print("ONNX files of all are scored with onnxruntime's exact kernels (x64quantprecision)")
        print(_row(_HEADS), flush=True)
    folder = cache_root() / "benchmarks" / "int8_peers" / "files"
    trials = {}
    for method in chosen:
        if method.name not in pythons:
            continue
        trials[method] = attempt(method, pythons[method.name], judge, subject, folder)
        if not options.json:
            print("\n".join(_rows(trials[method])), flush=True)
    found = [*_limits(trials), *(_memory(subject, folder) if MIN_MAX in trials else ())]
    if options.json:
        entries = [{**asdict(limit), "met": limit.met} for limit in found]
        print(json.dumps({"trials": list(map(asdict, trials.values())), "limits": entries}))
    else:
        print()
        print("\n".join(limit.sentence for limit in found))
    failed = any(method.own and not trial.qualities for method, trial in trials.items())
    return int(failed or not all(limit.met for limit in found))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.int8_peers", description=__doc__)
    parser.add_argument("--install", action="store_true", help="set up peers that are missing")
    parser.add_argument("--methods", default="", help="names, with commas between them")
    parser.add_argument("--json", action="store_true", help="print figures and limits as JSON")
    return parser.parse_args()


def _chosen(names: str) -> list[Method]:
    known = {method.name: method for method in METHODS}
    wanted = names.split(",") if names else list(known)
    for name in wanted:
        if name not in known:
            raise InputError(f"There is no method '{name}'.", f"Name some of {', '.join(known)}.")
    return [known[name] for name in wanted]


def _python(method: Method, install: bool) -> Path | None:
    if method.peer is None:
        return Path(sys.executable)
    python = peer_python(method.peer, install)
    if python is None:
        print(f"{method.name} is not installed; --install sets it up", file=sys.stderr)
    return python


def _limits(trials: Mapping[Method, Trial]) -> Iterator[Limit]:
    best_peer_db = best_sqnr_db([t for method, t in trials.items() if not method.own])
    for method, trial in trials.items():
        if method.own:
            yield from limits(method, trial, best_peer_db)


def _memory(subject: Subject, folder: Path) -> Iterator[Limit]:
    """Yield how memory grows with the number of photos."""
    orders = (Order(subject, subject.all_inputs, count, folder / "many") for count in (_FEW, _MANY))
    few, many = (quantize(MIN_MAX, Path(sys.executable), order).peak_mib for order in orders)
    yield growth(few, many)


def _rows(trial: Trial) -> Iterator[str]:
    cost = f"{trial.cpu_s:.1f} s", f"{trial.peak_mib:,.0f} MiB"
    if not trial.qualities:
        yield f"{_row((trial.method, '', '', '', '', '', '', *cost))}  failed: {trial.reason}"
    for quality in trial.qualities:
        figures = (
            f"{quality.top1:.2f} %",
            f"{quality.drop:+.2f}",
            f"{quality.agreement:.2f} %",
            f"{quality.sqnr_db:.2f} dB",
            f"{quality.size_bytes:,}",
        )
        yield _row((trial.method, quality.format, *figures, *cost))


def _row(cells: Sequence[str]) -> str:
    widths = (26, 7, 9, 7, 10, 9, 11, 8, 10)
    name, *rest = (
        cell.ljust(width) if index < 2 else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return f"{name}{''.join(rest)}".rstrip()


if __name__ == "__main__":
    sys.exit(worded(main))
