"""`edgeml.run`: a bundle's answers, on this machine or on an emulated board."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

import edgeml_runtime
from edgeml.api.bit_exactness import BitExactness, compare_bits
from edgeml.api.samples import NamedSample, read_samples
from edgeml_devices.emulation import ensure_sysroot
from edgeml_devices.emulation.board_run import VariantRun, run_bundle
from edgeml_devices.profile import load_device
from edgeml_runtime.bundle import open_bundle
from edgeml_runtime.errors import GateError, InputError
from edgeml_runtime.progress import Progress, silent
from edgeml_runtime.verification import Skip


@dataclass(frozen=True)
class RunResult:
    """The result of `edgeml.run`.

    Args:
        bundle: The model's name.
        target: The emulated board, or None for this machine.
        place: In words, where it ran.
        inputs: Names of the samples, in the order of the predictions.
        runs: One entry for each variant and engine that ran.
        exactness: Of each run on a board, whether it gave the bits that this machine gives; empty
            for runs on this machine.
        skipped: Variants that need a newer engine than the board has.
    """

    bundle: str
    target: str | None
    place: str
    inputs: tuple[str, ...]
    runs: tuple[VariantRun, ...]
    exactness: tuple[BitExactness, ...] = ()
    skipped: tuple[Skip, ...] = ()

    @property
    def failures(self) -> tuple[GateError, ...]:
        """One error for each self-test that failed."""
        return tuple(
            GateError(
                f"The self-test of {run.variant} in {run.engine} {run.engine_version} failed: an "
                f"output is off by {_error_text(run.worst_error)}, {run.tolerance:.3g} is allowed.",
                "Use another variant or engine on this board.",
            )
            for run in self.runs
            if not run.passed
        )

    def _with_exactness(self) -> Iterator[tuple[VariantRun, BitExactness | None]]:
        yield from zip_longest(self.runs, self.exactness)

    def to_json(self) -> dict[str, Any]:
        """Return the ``edgeml.run/1`` document."""
        return {
            "schema": "edgeml.run/1",
            "bundle": self.bundle,
            "target": self.target,
            "place": self.place,
            "method": "native" if self.target is None else "emulated",
            "inputs": list(self.inputs),
            "runs": [
                {**run.to_json(), **({} if bits is None else {"bit_exact": bits.to_json()})}
                for run, bits in self._with_exactness()
            ],
            "skipped": [skip.to_json() for skip in self.skipped],
            "passed": not self.failures,
            "failures": [failure.to_json() for failure in self.failures],
        }

    def lines(self) -> Iterator[str]:
        """Yield the result as text."""
        for run, bits in self._with_exactness():
            verdict = "passed" if run.passed else "FAILED"
            yield (
                f"{run.variant} in {run.engine} {run.engine_version} on {self.place}: self-test "
                f"{verdict} ({run.samples} samples, worst error {_error_text(run.worst_error)} of "
                f"{run.tolerance:.3g}{'' if bits is None else f', {bits}'})"
            )
            for name, prediction in zip(self.inputs, run.predictions, strict=True):
                yield f"  {name}: {prediction_text(prediction)}"
        for skip in self.skipped:
            yield f"{skip.variant} in {skip.engine} on {self.place}: skipped, {skip.reason}"


def run(
    bundle: Path | str,
    inputs: Sequence[Path],
    *,
    target: str | None = None,
    variant: str | None = None,
    engine: str | None = None,
    limit: int = 5,
    progress: Progress = silent,
) -> RunResult:
    """Run a bundle's self-test, then the bundle on *inputs*.

    Args:
        bundle: The ``.edgeml`` file.
        inputs: Images, ``.npy`` (one sample) or ``.npz`` (``inputs``).
        target: A board to emulate, where every variant and engine runs; this machine without it.
        variant: The variant to run on this machine; by default the best that fits.
        engine: The engine to run on this machine; by default the best installed.
        limit: How many samples to take from each ``.npz``.
        progress: Told of each engine.

    Raises:
        InputError: The bundle, an input or an option is wrong.
        EngineCrashError: An engine died on the emulated board.
        MissingToolError: No engine fits, or a tool for the emulation is missing.
    """
    path = Path(bundle)
    if target is not None and (variant or engine):
        raise InputError(
            "--variant and --engine choose on this machine; an emulated board runs them all.",
            "Leave them out, or leave out --target.",
        )
    name = open_bundle(path).manifest.name
    samples = read_samples(inputs, limit)
    names = tuple(sample.name for sample in samples)
    if target is None:
        outcome = _run_here(path, samples, variant, engine)
        return RunResult(name, None, "this machine", names, (outcome,))
    device = load_device(target)
    stacked = _stacked(samples)
    sysroot = ensure_sysroot(device, progress)
    with tempfile.TemporaryDirectory(prefix="edgeml-run-") as folder:
        file = Path(folder) / "samples.npz"
        np.savez(file, inputs=stacked)
        board = run_bundle(device, sysroot, path, file, len(samples), progress=progress)
    exactness = tuple(compare_bits(path, run) for run in board.runs)
    place = f"the emulated {device.title}"
    return RunResult(name, target, place, names, board.runs, exactness, board.skipped)


def prediction_text(prediction: Mapping[str, Any]) -> str:
    """Return a task's answer, as JSON values, in one line."""
    if "label" in prediction:
        return f"{prediction['label']} {prediction['score']:.4f}"
    outputs: Mapping[str, Any] = prediction["outputs"]
    return "; ".join(f"{name} {_shortened(values)}" for name, values in outputs.items())


def _run_here(
    bundle: Path, samples: Sequence[NamedSample], variant: str | None, engine: str | None
) -> VariantRun:
    loaded = edgeml_runtime.load(bundle, variant=variant, engine=engine, self_test=False)
    with closing(loaded) as model:
        tested = model.self_test().to_json()
        predictions = tuple(model(sample.value).to_json() for sample in samples)
        return VariantRun(
            variant=model.variant.id,
            engine=model.engine.name,
            engine_version=model.engine.version,
            predictions=predictions,
            **tested,
        )


def _stacked(samples: Sequence[NamedSample]) -> np.ndarray:
    first = samples[0]
    for sample in samples:
        if (sample.value.shape, sample.value.dtype) != (first.value.shape, first.value.dtype):
            raise InputError(
                f"{first.name} is {first.value.dtype} {first.value.shape} and {sample.name} is "
                f"{sample.value.dtype} {sample.value.shape}; an emulated run wants one shape.",
                "Give inputs of one size, or run them one at a time.",
            )
    return np.stack([sample.value for sample in samples])


def _error_text(error: float | None) -> str:
    return "infinity" if error is None else f"{error:.3g}"


def _shortened(values: object) -> str:
    text = str(values)
    return text if len(text) <= 80 else f"{text[:77]}..."
