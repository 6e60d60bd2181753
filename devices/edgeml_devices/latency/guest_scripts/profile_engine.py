"""Runs in the emulated board: one inference of a model between the counter's markers.

Usage: ``profile_engine.py ENGINE MODEL [--inputs FILE.npz] [--warm-caches]``. Prints one line of
JSON: what ran, or an ``edgeml.error/1`` document, with the error's exit code. With
``--warm-caches`` the simulated caches see one inference before the one that counts.

The markers are described in the plugin's ``edgeml_count.c``. The inner pair stands around the
engine's own run call (the one that a plain engine loop would time), put there by replacing the
method of the engine's public class; the outer pair stands around the call into edgeml's runtime,
which checks and copies.

Needs the standard library, numpy and edgeml_runtime only, on Python 3.9 or newer.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from edgeml_runtime.engines import Engine, open_engine
from edgeml_runtime.errors import EdgemlError, InputError, InternalError
from edgeml_runtime.tensors import TensorSpec

_MARKER = 0x0EDCE100
ATTACH, CALL_BEGIN, RUN_BEGIN, RUN_END, CALL_END, BASELINE = range(6)

_RUN_CALLS = {
    "onnxruntime": ("onnxruntime", "InferenceSession", "run"),
    "litert": ("ai_edge_litert.interpreter", "Interpreter", "invoke"),
    "litert-builtin": ("ai_edge_litert.interpreter", "Interpreter", "invoke"),
    "tflite-runtime": ("tflite_runtime.interpreter", "Interpreter", "invoke"),
}
# Inferences before the one that counts. XNNPACK packs weights when a model is loaded, and its first
# inference executes the same instructions as the second within 0.01 %. onnxruntime lays out its
# memory in the first; the built-in kernels pack weights in the first and settle in the second.
WARM_UPS = {"litert": 0, "onnxruntime": 1, "litert-builtin": 2, "tflite-runtime": 2}
# The first calls settle the interpreter; the last one counts.
_BASELINE_CALLS = 3


def main() -> None:
    """Profile the model that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("engine", choices=sorted(_RUN_CALLS))
    parser.add_argument("model")
    parser.add_argument("--inputs")
    parser.add_argument("--warm-caches", action="store_true")
    options = parser.parse_args()
    try:
        report = profile(options.engine, options.model, options.inputs, options.warm_caches)
    except EdgemlError as error:
        print(json.dumps(error.to_json()))
        sys.exit(error.exit_code)
    print(json.dumps(report))


def profile(name: str, model: str, inputs: str | None, warm_caches: bool) -> dict[str, Any]:
    """Run one inference between the markers, after the warm-ups that engine *name* needs."""
    engine = open_engine(name, model, threads=1)
    run_call = RunCall(*_RUN_CALLS[name])
    feeds = read_feeds(engine, inputs) if inputs else seeded_feeds(engine)
    warm_ups = max(WARM_UPS[name], 1 if warm_caches else 0)
    for remaining in range(warm_ups, 0, -1):
        if warm_caches and remaining == 1:
            mark(ATTACH)
        engine.run(feeds)
    mark(ATTACH)  # again changes nothing
    run_call.set_baseline()
    run_call.armed = True
    mark(CALL_BEGIN)
    engine.run(feeds)
    mark(CALL_END)
    if run_call.calls != 1:
        raise InternalError(
            f"The engine {name} made {run_call.calls} run calls for one inference, not 1.",
            "Report it with the version of the engine.",
        )
    return {"engine": name, "version": engine.version}


class RunCall:
    """The method of an engine's library that runs the model, with markers around it once armed."""

    def __init__(self, module: str, owner: str, method: str) -> None:
        self.armed = False
        self.calls = 0
        target = getattr(importlib.import_module(module), owner)
        setattr(target, method, self._marked(getattr(target, method)))

    def set_baseline(self) -> None:
        """Let the counter see the markers around nothing, which it subtracts from what follows."""
        nothing = self._marked(_nothing)
        self.armed = True
        for _ in range(_BASELINE_CALLS):
            nothing(None)
        mark(BASELINE)
        self.armed = False
        self.calls = 0

    def _marked(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def marked(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever the library has
            if not self.armed:
                return call(*arguments, **options)
            self.calls += 1
            mark(RUN_BEGIN)
            result = call(*arguments, **options)
            mark(RUN_END)
            return result

        return marked


def _nothing(_: None) -> None:
    """Stand for an engine that takes no time."""


def mark(event: int) -> None:
    """Tell the counter of *event*: a system call that does nothing else, and always fails."""
    try:  # noqa: SIM105 - contextlib.suppress executes some thousand instructions more
        os.sched_get_priority_max(_MARKER + event)
    except OSError:
        pass


def read_feeds(engine: Engine, path: str) -> dict[str, np.ndarray]:
    """Return the arrays of the file at *path* that the model has inputs for, by name."""
    with np.load(path, allow_pickle=False) as archive:
        missing = [spec.name for spec in engine.inputs if spec.name not in archive.files]
        if missing:
            raise InputError(
                f"{path} has no array for the input '{missing[0]}'.",
                f"It has: {', '.join(archive.files) or 'nothing'}.",
            )
        return {spec.name: archive[spec.name] for spec in engine.inputs}


def seeded_feeds(engine: Engine) -> dict[str, np.ndarray]:
    """Return the same pseudo-random inputs each time: free sizes are 1, floats are from 0 to 1."""
    # RandomState gives the same stream in every numpy; a Generator's may change.
    generator = np.random.RandomState(0)
    return {spec.name: seeded_array(generator, spec) for spec in engine.inputs}


def seeded_array(generator: np.random.RandomState, spec: TensorSpec) -> np.ndarray:
    """Return an array for *spec*; wide integers are 0 or 1, as they are mostly indices or masks."""
    shape: tuple[int, ...] = tuple(1 if size is None else size for size in spec.shape)
    dtype = np.dtype(spec.dtype)
    if dtype.kind == "f":
        return np.asarray(generator.random_sample(shape), dtype=dtype)
    if dtype.itemsize == 1 and dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return generator.randint(limits.min, limits.max + 1, size=shape).astype(dtype)
    return generator.randint(0, 2, size=shape).astype(dtype)


if __name__ == "__main__":
    main()
