"""A network that int8 breaks, and what saves it: `python -m benchmarks.broken_network`.

The channels of one depthwise layer before a squeeze-and-excitation are scaled by 0.01 to 100, and
what reads them by the inverse, so that the float answers are the same. Latency is that of a
Raspberry Pi 4, emulated.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx

from benchmarks.broken_network.breaking import NETWORK, break_network
from benchmarks.broken_network.variants import VARIANTS, Outcome, Variant, outcomes
from benchmarks.command import worded
from edgeml_runtime.errors import InputError

LEAST_BREAK = 20.0
"""Percentage points that int8 is to lose where nothing is done about it."""
MOST_DROP = 1.0


def main() -> int:
    """Print what becomes of the network; return 1 when a limit is missed."""
    options = _options()
    chosen = _chosen(options.variants)
    with TemporaryDirectory(prefix="edgeml-broken-network-") as name:
        folder = options.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        broken = folder / "broken.onnx"
        onnx.save(break_network(onnx.load(NETWORK)), broken)
        found = []
        for outcome in outcomes(broken, list(chosen.values()), folder):
            found.append(outcome)
            if not options.json:
                print(_line(outcome, chosen[outcome.variant]), flush=True)
    missed = [outcome for outcome in found if list(complaints(outcome, chosen[outcome.variant]))]
    if options.json:
        print(json.dumps(list(map(asdict, found)), indent=1))
    return int(bool(missed))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.broken_network", description=__doc__
    )
    parser.add_argument("--variants", default="", help="names, with commas between them")
    parser.add_argument("--keep", type=Path, help="a folder to keep the files in")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    return parser.parse_args()


def _chosen(names: str) -> dict[str, Variant]:
    known = {variant.name: variant for variant in VARIANTS}
    wanted = names.split(",") if names else list(known)
    for name in wanted:
        if name not in known:
            raise InputError(f"There is no variant '{name}'.", f"Name some of {', '.join(known)}.")
    return {name: known[name] for name in wanted}


def complaints(outcome: Outcome, variant: Variant) -> Iterator[str]:
    """Yield what of *outcome* is not as it should be."""
    if variant.breaks:
        if outcome.drop <= LEAST_BREAK:
            yield f"is to lose more than {LEAST_BREAK:g} points"
        return
    if outcome.drop > MOST_DROP:
        yield f"is to lose at most {MOST_DROP:g}"
    if not outcome.faster:
        yield "is to be faster than float"


def _line(outcome: Outcome, variant: Variant) -> str:
    missed = "".join(f"  MISSED: {complaint}" for complaint in complaints(outcome, variant))
    return (
        f"{outcome.variant:24} {outcome.format:7} {outcome.top1:6.2f} % top-1 ({outcome.drop:+.2f} "
        f"points)  {outcome.latency_ms:.2f} ms beside {outcome.float_ms:.2f} ms in float{missed}"
    )


if __name__ == "__main__":
    sys.exit(worded(main))
