"""Prints how far int8 ONNX and TFLite files are apart: `python -m benchmarks.int8_agreement`."""

import argparse
import json
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from benchmarks.command import worded
from benchmarks.int8_agreement.networks import NETWORKS
from benchmarks.int8_agreement.operators import CASES, graph_of, operator_of
from benchmarks.int8_agreement.trial import ENGINES, Trial, attempt, random_samples
from edgeml_converters.quantize.rules import load_rules

MOST_STEPS = 1
LEAST_MARGIN_DB = -1.0
"""By how much the files of a network shall be closer to each other than int8 is to float32."""
_OPERATOR_HEAD = (
    "| operator | XNNPACK: steps, equal | without: steps, equal | float in TFLite |",
    "|---|---|---|---|",
)
_NETWORK_HEAD = (
    "| network | nodes left float | XNNPACK | without | onnxruntime to float32 |",
    "|---|---|---|---|---|",
)


def main() -> int:
    """Print a line a case; return 1 when one is over its limit."""
    options = _options()
    cases = [case for case in CASES if options.only in {"", case, operator_of(case)}]
    operators = {case: _judged(case) for case in cases}
    networks = {} if options.only else {name: _measured(name) for name in NETWORKS}
    if options.json:
        both = {**operators, **networks}
        print(json.dumps({name: asdict(trial) for name, trial in both.items()}, indent=1))
    else:
        print("\n".join(_tables(operators, networks)))
    if options.markdown is not None:
        options.markdown.write_text(_markdown(operators, networks), encoding="utf-8")
    far = [case for case, trial in operators.items() if _steps(trial) > MOST_STEPS]
    apart = [name for name, trial in networks.items() if _margin_db(trial) < LEAST_MARGIN_DB]
    print(
        f"{len(operators)} operators, {len(far)} more than {MOST_STEPS} step apart (at most 0); "
        f"{len(networks)} networks, {len(apart)} whose files are further apart than int8 is from "
        "float32 (at most 0)",
        file=sys.stderr if options.json else sys.stdout,
    )
    return int(bool(far or apart))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.int8_agreement", description=__doc__
    )
    parser.add_argument("--only", default="", help="only this operator, or this case")
    parser.add_argument("--markdown", type=Path, help="write the tables to this file")
    parser.add_argument("--json", action="store_true", help="print every trial as JSON")
    return parser.parse_args()


def _judged(case: str) -> Trial:
    model = graph_of(case)
    return attempt(model, random_samples(model), alone=True)


def _measured(name: str) -> Trial:
    model = NETWORKS[name]()
    return attempt(model, random_samples(model))


def _steps(trial: Trial) -> float:
    return max(agreement.steps for agreement in trial.by_engine.values())


def _margin_db(trial: Trial) -> float:
    closeness = min(agreement.sqnr_db for agreement in trial.by_engine.values())
    return closeness - trial.float_sqnr_db


def _tables(operators: dict[str, Trial], networks: dict[str, Trial]) -> Iterator[str]:
    yield from _OPERATOR_HEAD
    for case, trial in operators.items():
        found = [trial.by_engine[engine] for engine in ENGINES]
        cells = [f"{one.steps:.0f}, {100 * one.equal:.1f} %" for one in found]
        yield _row(case, *cells, ", ".join(trial.floats) or "none")
    if not networks:
        return
    yield ""
    yield from _NETWORK_HEAD
    for name, trial in networks.items():
        figures = [trial.by_engine[engine].sqnr_db for engine in ENGINES]
        decibels = [f"{figure:.1f} dB" for figure in (*figures, trial.float_sqnr_db)]
        yield _row(name, str(len(trial.excluded)), *decibels)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown(operators: dict[str, Trial], networks: dict[str, Trial]) -> str:
    listed = f"Operators with a rule: {', '.join(sorted(load_rules()))}."
    rules = textwrap.fill(listed, 100, break_on_hyphens=False)
    return "\n".join((_INTRODUCTION.format(rules=rules), *_tables(operators, networks), ""))


_INTRODUCTION = """\
# int8, operator by operator

Made by `python -m benchmarks.int8_agreement --markdown docs/int8.md`.

`edgeml convert` writes the same integers into the ONNX and the TFLite file of a model: scales, zero
points, weights and biases are equal bit by bit, and obey what TFLite's 8-bit kernels demand. What
is left is how the kernels of onnxruntime, of XNNPACK and of LiteRT without it round. The first
table has that for each operator by itself, fed with the same integers: the largest difference from
onnxruntime, in steps of the output's scale, and the share of values that are equal.

{rules}

Others stay float32, as do those between float operators. Activations that
were exported as arithmetic (GELU, hard swish) become one operator.

The second table has whole networks: how many nodes stay float, and the ratio of signal to
difference between the answers of the TFLite file and of the ONNX file; the last column is what int8
itself costs. A network without learned weights spreads every rounding over all that follows, and
cannot agree better than its own int8 form agrees with float32.
"""


if __name__ == "__main__":
    sys.exit(worded(main))
