"""Runs in the emulated board: every variant of a bundle that one engine can run.

Usage: ``run_bundle.py BUNDLE ENGINE [--samples FILE.npz] [--limit N]``. Prints one line of JSON:
for each variant its self-test and the predictions of the first N samples, as JSON values and as
text, and which version the others need where the engine is too old for them; or an
``edgeml.error/1`` document, with the error's exit code.

The samples are the rows of the array ``inputs``, or arrays of any shapes named ``0:``, ``1:`` and
so on; ``0:NAME`` is the input NAME of a model with several inputs.

Needs the standard library, numpy and edgeml_runtime only, on Python 3.9 or newer.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

import edgeml_runtime
from edgeml_runtime.bundle import open_bundle
from edgeml_runtime.choice import Choice, fits
from edgeml_runtime.engines import installed_engines
from edgeml_runtime.errors import EdgemlError


def main() -> int:
    """Run what the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle")
    parser.add_argument("engine")
    parser.add_argument("--samples")
    parser.add_argument("--limit", type=int, default=0)
    options = parser.parse_args()
    samples = read_samples(options.samples)[: options.limit] if options.samples else []
    try:
        manifest = open_bundle(options.bundle).manifest
        wanted = [
            Choice(v, options.engine) for v in manifest.variants if options.engine in v.engines
        ]
        installed = installed_engines()
        runs = [
            run_variant(options.bundle, choice.variant.id, options.engine, samples)
            for choice in wanted
            if fits(choice, installed)
        ]
    except EdgemlError as error:
        print(json.dumps(error.to_json()))
        return error.exit_code
    skipped = [choice.variant for choice in wanted if not fits(choice, installed)]
    needs = {variant.id: variant.engines[options.engine] for variant in skipped}
    print(json.dumps({"runs": runs, "needs": needs}))
    return 0


def read_samples(path: str) -> list[Any]:
    """Return the samples of a file: arrays, or arrays by the names of inputs."""
    with np.load(path, allow_pickle=False) as arrays:
        if "inputs" in arrays.files:
            return list(arrays["inputs"])
        samples: dict[int, dict[str, np.ndarray]] = {}
        for key in arrays.files:
            index, _, name = key.partition(":")
            samples.setdefault(int(index), {})[name] = arrays[key]
    return [inputs.get("", inputs) for _, inputs in sorted(samples.items())]


def run_variant(bundle: str, variant: str, engine: str, samples: Sequence[Any]) -> dict[str, Any]:
    """Return what one variant says to the golden vectors and to *samples*."""
    model = edgeml_runtime.load(bundle, variant=variant, engine=engine, threads=1, self_test=False)
    tested = model.self_test().to_json()
    answers = [model(sample) for sample in samples]
    return {
        "variant": variant,
        "engine": {"name": engine, "version": model.engine.version},
        "self_test": tested,
        "predictions": [answer.to_json() for answer in answers],
        "summaries": [answer.summary() for answer in answers],
    }


if __name__ == "__main__":
    sys.exit(main())
