"""`edgeml.run`: a bundle's answers, on this machine or on an emulated board."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import edgeml_runtime
from edgeml.api.bit_exactness import BitExactness, compare_bits
from edgeml.api.drawings import Drawings
from edgeml.api.samples import NamedSample, read_samples
from edgeml_devices.emulation import ensure_sysroot
from edgeml_devices.emulation.board_run import VariantRun, run_bundle, save_samples
from edgeml_devices.profile import load_device
from edgeml_runtime.bundle import open_bundle
from edgeml_runtime.errors import GateError, InputError
from edgeml_runtime.manifest import Manifest
from edgeml_runtime.preprocess import Pipeline
from edgeml_runtime.progress import Progress, silent
from edgeml_runtime.trials import Skip


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
        drawings: Images with the answers drawn onto them.
    """

    bundle: str
    target: str | None
    place: str
    inputs: tuple[str, ...]
    runs: tuple[VariantRun, ...]
    exactness: tuple[BitExactness, ...] = ()
    skipped: tuple[Skip, ...] = ()
    drawings: tuple[Path, ...] = ()

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
            "drawings": [str(path) for path in self.drawings],
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
            for name, summary in zip(self.inputs, run.summaries, strict=True):
                yield f"  {name}: {_shortened(summary)}"
        for skip in self.skipped:
            yield f"{skip.variant} in {skip.engine} on {self.place}: skipped, {skip.reason}"
        for path in self.drawings:
            yield f"drawing {path}"


def run(
    bundle: Path | str,
    inputs: Sequence[Path],
    *,
    target: str | None = None,
    variant: str | None = None,
    engine: str | None = None,
    limit: int = 5,
    draw: Path | None = None,
    progress: Progress = silent,
) -> RunResult:
    """Run a bundle's self-test, then the bundle on *inputs*.

    Args:
        bundle: The ``.edgeml`` file.
        inputs: Images, ``.wav``, ``.npy`` (one sample), ``.npz`` (``inputs``, or an array for each
            input), or folders of these.
        target: A board to emulate, where every variant and engine runs; this machine without it.
        variant: The variant to run on this machine; by default the best that fits.
        engine: The engine to run on this machine; by default the best installed.
        limit: How many samples to take from each ``.npz`` and folder.
        draw: A folder for the images with the answers drawn onto them, on this machine.
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
    if target is not None and draw is not None:
        raise InputError(
            "--draw shows what this machine answers, and --target asks a board.",
            "Leave out one of them.",
        )
    manifest = open_bundle(path).manifest
    name = manifest.name
    samples = read_samples(
        inputs, limit, [spec.name for spec in manifest.inputs], _rate_hz(manifest)
    )
    names = tuple(sample.name for sample in samples)
    if target is None:
        drawings = Drawings(draw, names)
        outcome = _run_here(path, samples, variant, engine, drawings)
        return RunResult(name, None, "this machine", names, (outcome,), drawings=drawings.written())
    device = load_device(target)
    sysroot = ensure_sysroot(device, progress)
    with tempfile.TemporaryDirectory(prefix="edgeml-run-") as folder:
        file = Path(folder) / "samples.npz"
        save_samples(file, [sample.value for sample in samples])
        board = run_bundle(device, sysroot, path, file, len(samples), progress=progress)
    exactness = tuple(compare_bits(path, run) for run in board.runs)
    place = f"the emulated {device.title}"
    return RunResult(name, target, place, names, board.runs, exactness, board.skipped)


def _run_here(
    bundle: Path,
    samples: Sequence[NamedSample],
    variant: str | None,
    engine: str | None,
    drawings: Drawings,
) -> VariantRun:
    loaded = edgeml_runtime.load(bundle, variant=variant, engine=engine, self_test=False)
    with closing(loaded) as model:
        tested = model.self_test().to_json()
        predictions, summaries = [], []
        for index, sample in enumerate(samples):
            try:
                answer = model(sample.value)
            except InputError as error:
                raise InputError(f"{sample.name}: {error.problem}", error.remedy) from error
            predictions.append(answer.to_json())
            summaries.append(answer.summary())
            drawings.add(index, sample.value, answer)
        return VariantRun(
            variant=model.variant.id,
            engine=model.engine.name,
            engine_version=model.engine.version,
            predictions=tuple(predictions),
            summaries=tuple(summaries),
            **tested,
        )


def _rate_hz(manifest: Manifest) -> float | None:
    if manifest.preprocess is None:
        return None
    window = Pipeline.from_json(manifest.preprocess).window
    return None if window is None else window.rate_hz


def _error_text(error: float | None) -> str:
    return "infinity" if error is None else f"{error:.3g}"


def _shortened(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:197]}..."
