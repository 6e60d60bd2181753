"""Runs in the emulated board: every variant of a bundle that one engine can run.

Usage: ``run_bundle.py BUNDLE ENGINE [--samples FILE.npz] [--limit N]``. Prints one line of JSON:
for each variant its self-test and the predictions of the first N samples (the array ``inputs`` of
the file), and which version the others need where the engine is too old for them; or an
``edgeml.error/1`` document, with the error's exit code.

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
    samples: Sequence[np.ndarray] = ()
    if options.samples:
        with np.load(options.samples, allow_pickle=False) as arrays:
            samples = arrays["inputs"][: options.limit]
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


def run_variant(
    bundle: str, variant: str, engine: str, samples: Sequence[np.ndarray]
) -> dict[str, Any]:
    """Return what one variant says to the golden vectors and to *samples*."""
    model = edgeml_runtime.load(bundle, variant=variant, engine=engine, threads=1, self_test=False)
    return {
        "variant": variant,
        "engine": {"name": engine, "version": model.engine.version},
        "self_test": model.self_test().to_json(),
        "predictions": [model(sample).to_json() for sample in samples],
    }


if __name__ == "__main__":
    sys.exit(main())
