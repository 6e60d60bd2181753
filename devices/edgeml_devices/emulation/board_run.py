"""A bundle on the emulated board: does every variant load, and does it give the right answers?

Each engine runs in a process of its own, by the same runtime that the board uses. Must not know
how long anything takes on the board.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from edgeml_devices.device import Device
from edgeml_devices.emulation.guest import run_guest
from edgeml_devices.emulation.sysroot import Sysroot
from edgeml_runtime.bundle import open_bundle
from edgeml_runtime.engines import NUMPY
from edgeml_runtime.errors import EngineCrashError, InputError, UnsupportedError
from edgeml_runtime.manifest import Manifest
from edgeml_runtime.progress import Progress, silent
from edgeml_runtime.trials import Skip

_KEY = re.compile(r"\d+:.*", re.DOTALL)


@dataclass(frozen=True)
class VariantRun:
    """One variant in one engine.

    Args:
        variant: Id of the variant.
        engine: Name of the engine.
        engine_version: Its version on the board.
        samples: How many golden vectors were run; 0 when the bundle has none.
        worst_error: Largest absolute error over them; ``None`` when it is not finite.
        tolerance: Largest error that passes.
        passed: Whether the self-test passed.
        outputs_sha256: Digest of all outputs of each golden vector.
        predictions: The task's answer for each sample, as JSON values.
        summaries: The same as text, each a line.
    """

    variant: str
    engine: str
    engine_version: str
    samples: int
    worst_error: float | None
    tolerance: float
    passed: bool
    outputs_sha256: Sequence[str]
    predictions: tuple[Mapping[str, Any], ...]
    summaries: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the entry of ``edgeml.board-run/1``."""
        return {
            "variant": self.variant,
            "engine": {"name": self.engine, "version": self.engine_version},
            "self_test": {
                "samples": self.samples,
                "worst_error": self.worst_error,
                "tolerance": self.tolerance,
                "passed": self.passed,
                "outputs_sha256": list(self.outputs_sha256),
            },
            "predictions": [dict(prediction) for prediction in self.predictions],
            "summaries": list(self.summaries),
        }


@dataclass(frozen=True)
class BoardRun:
    """All variants of a bundle on one board, and those that need a newer engine than it has."""

    target: str
    bundle: str
    runs: tuple[VariantRun, ...]
    skipped: tuple[Skip, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every self-test passed."""
        return all(run.passed for run in self.runs)

    def to_json(self) -> dict[str, Any]:
        """Return the ``edgeml.board-run/1`` document."""
        return {
            "schema": "edgeml.board-run/1",
            "target": self.target,
            "method": "emulated",
            "bundle": self.bundle,
            "passed": self.passed,
            "runs": [run.to_json() for run in self.runs],
            "skipped": [skip.to_json() for skip in self.skipped],
        }


def run_bundle(
    device: Device,
    sysroot: Sysroot,
    bundle: Path,
    samples: Path | None = None,
    limit: int = 5,
    *,
    progress: Progress = silent,
) -> BoardRun:
    """Run every variant of *bundle* in every engine of the board that can run it.

    Args:
        device: The board.
        sysroot: Its file system.
        bundle: The ``.edgeml`` file.
        samples: An ``.npz`` file whose ``inputs`` (N, ...) are predicted as well, or what
            ``save_samples`` wrote.
        limit: How many of them at most.
        progress: Told of each engine.

    Raises:
        InputError: The bundle or the samples cannot be read.
        UnsupportedError: No variant runs in an engine of this board.
        EngineCrashError: An engine died.
    """
    manifest = open_bundle(bundle).manifest
    engines = _usable_engines(manifest, sysroot, device)
    arguments = [str(bundle.absolute())]
    options = []
    if samples is not None:
        _check_samples(samples)
        options = ["--samples", str(samples.absolute()), "--limit", str(limit)]
    runs: list[VariantRun] = []
    skipped: list[Skip] = []
    for done, engine in enumerate(engines):
        progress(f"running the bundle on the emulated {device.title}", done, len(engines))
        ran, left = _run_engine(device, sysroot, engine, [*arguments, engine, *options])
        runs += ran
        skipped += left
    if not runs:
        reasons = "; ".join(f"{skip.variant}: {skip.reason}" for skip in skipped)
        raise UnsupportedError(
            f"No variant of the bundle '{manifest.name}' runs on the {device.title}: {reasons}.",
            "Convert it with --min-runtime for the engine of that board.",
        )
    return BoardRun(device.name, manifest.name, tuple(runs), tuple(skipped))


def save_samples(file: Path, samples: Sequence[np.ndarray | Mapping[str, np.ndarray]]) -> None:
    """Write samples of any shapes to *file*, an ``.npz``; some may be arrays by input."""
    arrays: dict[str, np.ndarray] = {}
    for index, sample in enumerate(samples):
        inputs = sample if isinstance(sample, Mapping) else {"": sample}
        arrays.update({f"{index}:{name}": array for name, array in inputs.items()})
    np.savez(file, allow_pickle=False, **arrays)


def _usable_engines(manifest: Manifest, sysroot: Sysroot, device: Device) -> list[str]:
    wanted = {engine for variant in manifest.variants for engine in variant.engines}
    usable = sorted(wanted & {*sysroot.engines, NUMPY})
    if not usable:
        raise UnsupportedError(
            f"No variant of the bundle '{manifest.name}' runs in an engine of the {device.title}.",
            f"It has {', '.join(sorted(sysroot.engines))}, and the variants want "
            f"{', '.join(sorted(wanted))}.",
        )
    return usable


def _run_engine(
    device: Device, sysroot: Sysroot, engine: str, arguments: Sequence[str]
) -> tuple[list[VariantRun], list[Skip]]:
    script = files("edgeml_devices.emulation") / "guest_scripts" / "run_bundle.py"
    try:
        with as_file(script) as file:
            result = run_guest(device, sysroot, [str(file), *arguments])
    except EngineCrashError as error:
        version, usual = sysroot.engines.get(engine, ""), device.engines.get(engine)
        hint = f" The usual one there is {engine}=={usual}." if usual not in {None, version} else ""
        raise EngineCrashError(
            f"{engine} {version}: {error.problem}", error.remedy + hint
        ) from error
    document = json.loads(result.stdout.strip().splitlines()[-1])
    installed = sysroot.engines[engine]
    skipped = [
        Skip(variant, engine, f"it needs {engine} {minimum}, and the board has {installed}")
        for variant, minimum in document["needs"].items()
    ]
    runs = [
        VariantRun(
            variant=entry["variant"],
            engine=entry["engine"]["name"],
            engine_version=entry["engine"]["version"],
            predictions=tuple(entry["predictions"]),
            summaries=tuple(entry["summaries"]),
            **entry["self_test"],
        )
        for entry in document["runs"]
    ]
    return runs, skipped


def _check_samples(samples: Path) -> None:
    try:
        with np.load(samples, allow_pickle=False) as arrays:
            found = list(arrays)
    except (OSError, ValueError, BadZipFile) as error:
        raise InputError(
            f"The samples {samples} cannot be read: {error}.",
            "Give a .npz file made by numpy.savez.",
        ) from error
    if "inputs" not in found and not all(_KEY.fullmatch(name) for name in found):
        raise InputError(
            f"The samples {samples} hold {', '.join(found) or 'nothing'}, but no 'inputs'.",
            "Save the samples as 'inputs', with the sample as the first axis.",
        )
