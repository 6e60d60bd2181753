"""Prints how the networks convert and what LiteRT answers: `python -m benchmarks.torch_networks`.

PyTorch runs in edgeml's own environment of it, which is made when it is missing, or in the
interpreter that EDGEML_TORCH_PYTHON names.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.command import worded
from benchmarks.torch_networks.catalog import TORCH_NETWORKS
from benchmarks.torch_networks.conversion import ROUTES, Conversion, convert, export
from edgeml_converters.sources.foreign.environment import framework_python
from edgeml_converters.sources.foreign.framework import load_frameworks

LEAST_PERCENT = 95.0


def main() -> int:
    """Convert the networks; return 1 when too few are converted and right."""
    options = _options()
    chosen = options.network or list(TORCH_NETWORKS)
    with tempfile.TemporaryDirectory(prefix="edgeml-torch-networks-") as scratch:
        results = _convert_all(chosen, options.keep or Path(scratch), quiet=options.json)
    shares = {route: _percent_right(results, route) for route in ROUTES}
    missed = min(shares.values()) < LEAST_PERCENT
    if options.json:
        print(json.dumps([_document(result) for result in results], indent=1))
        return int(missed)
    for route, percent in shares.items():
        of_route = [result for result in results if result.route == route]
        right = sum(result.answers.right for result in of_route)
        cpu_s = sum(result.cpu_s for result in of_route)
        print(
            f"{route}: converted {right} of {len(of_route)} ({percent:.0f} %, at least "
            f"{LEAST_PERCENT:g} %), {cpu_s:.0f} s CPU"
        )
    return int(missed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.torch_networks", description=__doc__
    )
    parser.add_argument("--network", action="append", choices=list(TORCH_NETWORKS), default=[])
    parser.add_argument("--keep", type=Path, help="leave all files in this folder")
    parser.add_argument("--json", action="store_true", help="print every conversion as JSON")
    return parser.parse_args()


def _convert_all(chosen: Sequence[str], folder: Path, *, quiet: bool) -> list[Conversion]:
    python = framework_python(load_frameworks()["torch"], lambda _: True)
    results = []
    for name in chosen:
        network = TORCH_NETWORKS[name]
        export(network, python, folder / name)
        for result in convert(network, folder / name):
            results.append(result)
            if not quiet:
                print(_line(result), flush=True)
    return results


def _line(result: Conversion) -> str:
    start = f"{result.network:13} {result.route:7} {result.cpu_s:5.1f} s {result.peak_mib:5.0f} MiB"
    found = result.answers
    if found.error_share is None:
        return f"{start}  {result.reason}"
    verdict = "" if found.right else "  WRONG"
    return (
        f"{start} {found.ops:4} ops {found.transposes:2} transposes  error "
        f"{found.error_share:.1e} of the range{verdict}"
    )


def _percent_right(results: Sequence[Conversion], route: str) -> float:
    right = [result.answers.right for result in results if result.route == route]
    return 100.0 * sum(right) / max(len(right), 1)


def _document(result: Conversion) -> dict[str, object]:
    return {**asdict(result), "right": result.answers.right}


if __name__ == "__main__":
    sys.exit(worded(main))
