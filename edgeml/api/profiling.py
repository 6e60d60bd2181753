"""`edgeml.profile`: emulated latency of a model on boards."""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from edgeml.api.emulations import run_together
from edgeml.gates import MAX_REGRESSION, EntryKey, Gates, Verdict, crash_verdict, load_gates
from edgeml_converters.inspection import inspect_model
from edgeml_devices.emulation import Sysroot
from edgeml_devices.emulation.engine_choice import EngineChoice, chosen_versions, parse_engines
from edgeml_devices.emulation.sysroot import ensure_sysroots
from edgeml_devices.latency import ProfileResult, profile_model
from edgeml_devices.latency.llvm import find_llvm
from edgeml_devices.profile import Device, list_devices, load_device
from edgeml_runtime.bundle import open_bundle
from edgeml_runtime.engines import ENGINE_FORMATS
from edgeml_runtime.errors import EngineCrashError, GateError, InputError
from edgeml_runtime.progress import Progress, silent

PREFERRED = ("litert", "tflite-runtime", "litert-builtin", "onnxruntime")
"""The best engine of each format first."""


@dataclass(frozen=True)
class Entry:
    """One model in one engine on one board.

    Args:
        variant: The variant of a bundle, or the name of a file.
        size_bytes: Size of the variant's file.
        device: The board, with the clock that the cores had.
        result: What was found.
    """

    variant: str
    size_bytes: int
    device: Device
    result: ProfileResult

    def to_json(self) -> dict[str, Any]:
        """Return the entry of ``results`` in ``edgeml.profile/1``."""
        document = self.result.to_json()
        constants = json.dumps(vars(self.device.calibration), sort_keys=True)
        digest = hashlib.sha256(constants.encode()).hexdigest()
        return {
            **document,
            "variant": self.variant,
            "bytes": self.size_bytes,
            "clock_mhz": self.device.clock_mhz,
            "provenance": {**document["provenance"], "constants_sha256": digest},
        }


@dataclass(frozen=True)
class Profile:
    """The result of `edgeml.profile`.

    Args:
        model: The file that was profiled.
        size_bytes: Its size.
        sha256: Its digest.
        entries: One for each board, variant and engine that ran, in that order.
        verdicts: What each gate said: the engines that died, then the budget and the baseline.
        remarks: What the baseline could not be compared with, or under other conditions only.
    """

    model: Path
    size_bytes: int
    sha256: str
    entries: tuple[Entry, ...]
    verdicts: tuple[Verdict, ...]
    remarks: tuple[str, ...]

    @property
    def failures(self) -> tuple[GateError, ...]:
        """Why the profile did not pass."""
        return tuple(v.failure for v in self.verdicts if v.failure is not None)

    def to_json(self) -> dict[str, Any]:
        """Return the ``edgeml.profile/1`` document."""
        return {
            "schema": "edgeml.profile/1",
            "model": {
                "name": self.model.name,
                "bytes": self.size_bytes,
                "sha256": self.sha256,
            },
            "results": [entry.to_json() for entry in self.entries],
            "gates": [verdict.to_json() for verdict in self.verdicts],
            "remarks": list(self.remarks),
            "passed": not self.failures,
            "failures": [failure.to_json() for failure in self.failures],
        }


@dataclass(frozen=True)
class _Variant:
    id: str
    format: str
    path: Path


@dataclass(frozen=True)
class _Job:
    device: Device
    variant: _Variant
    engine: str
    threads: int

    @property
    def key(self) -> EntryKey:
        return EntryKey(self.device.name, self.engine, self.variant.id, self.threads)


def profile(
    model: Path | str,
    *,
    targets: Sequence[str],
    engines: Sequence[str] = (),
    threads: int = 1,
    clock_mhz: int | None = None,
    inputs: Path | None = None,
    budget: Path | None = None,
    baseline: Path | None = None,
    max_regression: float = MAX_REGRESSION,
    use_cache: bool = True,
    progress: Progress = silent,
) -> Profile:
    """Estimate the latency of every variant of *model* in every engine on every board.

    Args:
        model: An .onnx or .tflite file, or a bundle, of which each variant is profiled.
        targets: Names of boards.
        engines: Names of engines, with ``==VERSION`` where it is not to be the board's usual one;
            by default the best one with a wheel for board and format.
        threads: Threads of the engine, at most the board's cores.
        clock_mhz: Clock of the cores; the board's usual one by default.
        inputs: An ``.npz`` with an array for each input; seeded ones by default.
        budget: Largest figures that pass, in TOML; see `edgeml.gates.budget`.
        baseline: An earlier profile that this one is held against.
        max_regression: Largest growth of estimate and instructions over the baseline that passes,
            as a share.
        use_cache: Whether counts of earlier emulations will do.
        progress: Told of each step.

    Raises:
        InputError: A name, the model, the number of threads or a gate is wrong; told before
            anything is fetched or started. A limit of a figure that the profile lacks is told
            after.
        MissingToolError: A tool of the emulation is missing.
    """
    path = Path(model)
    choices = parse_engines(engines)
    devices = _devices(targets, threads, clock_mhz)
    _check_inputs(inputs)
    boards = [device.name for device in list_devices()]
    gates = load_gates(budget, baseline, max_regression, boards)
    inspect_model(path)
    content = path.read_bytes()
    with tempfile.TemporaryDirectory(prefix="edgeml-profile-") as folder:
        variants = tuple(_variants(path, Path(folder)))
        jobs = [job for device in devices for job in _jobs(device, variants, choices, threads)]
        gates.check_cover([job.key for job in jobs])
        find_llvm(progress)
        sysroots = {device.name: _sysroots(device, jobs, choices, progress) for device in devices}
        run = partial(_profile, inputs=inputs, use_cache=use_cache, progress=progress)
        outcomes = run_together(
            partial(run, job, sysroots[job.device.name][job.engine]) for job in jobs
        )
    return _judged(path, content, jobs, outcomes, gates)


def _judged(
    path: Path,
    content: bytes,
    jobs: Sequence[_Job],
    outcomes: Sequence[Entry | EngineCrashError],
    gates: Gates,
) -> Profile:
    entries = tuple(outcome for outcome in outcomes if isinstance(outcome, Entry))
    crashes = [
        crash_verdict(job.key, outcome)
        for job, outcome in zip(jobs, outcomes, strict=True)
        if isinstance(outcome, EngineCrashError)
    ]
    judgement = gates.judge([entry.to_json() for entry in entries])
    return Profile(
        model=path,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        entries=entries,
        verdicts=(*crashes, *judgement.verdicts),
        remarks=judgement.remarks,
    )


def _profile(
    job: _Job,
    sysroot: Sysroot,
    *,
    inputs: Path | None,
    use_cache: bool,
    progress: Progress,
) -> Entry:
    def named(task: str, done: int, total: int) -> None:
        progress(f"{job.device.name}, {job.engine}, {job.variant.id}: {task}", done, total)

    result = profile_model(
        job.device,
        sysroot,
        job.engine,
        job.variant.path,
        threads=job.threads,
        inputs=inputs,
        use_cache=use_cache,
        progress=named,
    )
    size_bytes = job.variant.path.stat().st_size
    return Entry(job.variant.id, size_bytes, job.device, result)


def _check_inputs(path: Path | None) -> None:
    if path is not None and not (path.is_file() and path.suffix == ".npz"):
        raise InputError(
            f"--input {path} is not an .npz file.",
            "Give a file with an array for each input of the model, by name.",
        )


def _devices(targets: Sequence[str], threads: int, clock_mhz: int | None) -> tuple[Device, ...]:
    if not targets:
        raise InputError(
            "No board was named.", "Add --target, such as --target rpi4; see `edgeml devices list`."
        )
    devices = tuple(load_device(name) for name in targets)
    for device in devices:
        device.require_timing()
        if not 1 <= threads <= device.cores:
            raise InputError(
                f"--threads {threads} does not fit {device.name}, which has {device.cores} cores.",
                f"Give 1 to {device.cores}.",
            )
    if clock_mhz is None:
        return devices
    return tuple(replace(device, clock_mhz=clock_mhz) for device in devices)


def _variants(path: Path, folder: Path) -> Iterator[_Variant]:
    """Yield the models to profile, those of a bundle as files in *folder*."""
    if path.suffix.lower() != ".edgeml":
        yield _Variant(path.name, path.suffix.lower().removeprefix("."), path)
        return
    bundle = open_bundle(path)
    for variant in bundle.manifest.variants:
        file = folder / Path(variant.path).name
        file.write_bytes(bundle.read(variant.path))
        yield _Variant(variant.id, variant.format, file)


def _sysroots(
    device: Device, jobs: Sequence[_Job], choices: Sequence[EngineChoice], progress: Progress
) -> dict[str, Sysroot]:
    """Return engine to sysroot, for the engines that the jobs on *device* use."""
    wanted = {job.engine for job in jobs if job.device is device}
    versions = chosen_versions(device, choices)
    return ensure_sysroots(
        device, {name: v for name, v in versions.items() if name in wanted}, progress
    )


def _jobs(
    device: Device, variants: Sequence[_Variant], choices: Sequence[EngineChoice], threads: int
) -> Iterator[_Job]:
    usable = chosen_versions(device, choices)
    for choice in choices:
        _check_format(choice.name, variants)
    for variant in variants:
        fitting = [
            engine
            for engine in (usable if choices else PREFERRED)
            if ENGINE_FORMATS[engine] == variant.format and engine in usable
        ]
        if not fitting and not choices:
            raise InputError(
                f"{device.name} has no engine for {variant.id}.",
                f"Its engines are {', '.join(device.engines)}.",
            )
        # Engines that were asked for all run; else the best one is enough.
        for engine in fitting if choices else fitting[:1]:
            yield _Job(device, variant, engine, threads)


def _check_format(engine: str, variants: Sequence[_Variant]) -> None:
    if all(variant.format != ENGINE_FORMATS[engine] for variant in variants):
        raise InputError(
            f"{engine} runs .{ENGINE_FORMATS[engine]} files, and there is none to profile.",
            "Choose another engine, or give a model in that format.",
        )
