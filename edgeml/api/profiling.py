"""`edgeml.profile`: emulated latency of a model on boards."""

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from edgeml.api.emulations import run_together
from edgeml.api.profile_jobs import Job, chosen_devices, jobs_on, variants_of
from edgeml.api.profile_result import Entry, Profile
from edgeml.gates import MAX_REGRESSION, Gates, crash_verdict, load_gates
from edgeml.hotspots import is_quantized, join_operators
from edgeml_converters.inspection import inspect_model, list_operators
from edgeml_devices.emulation import Sysroot
from edgeml_devices.emulation.engine_choice import EngineChoice, chosen_versions, parse_engines
from edgeml_devices.emulation.sysroot import ensure_sysroots
from edgeml_devices.latency import profile_model
from edgeml_devices.latency.llvm import find_llvm
from edgeml_devices.profile import Device, device_names
from edgeml_runtime.errors import EngineCrashError, InputError
from edgeml_runtime.progress import Progress, silent


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
    cold_start: bool = False,
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
        cold_start: Whether to run a program's start as well and look at its memory; a budget that
            limits either switches it on.
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
    devices = chosen_devices(targets, threads, clock_mhz)
    _check_inputs(inputs)
    gates = load_gates(budget, baseline, max_regression, device_names())
    inspect_model(path)
    content = path.read_bytes()
    with tempfile.TemporaryDirectory(prefix="edgeml-profile-") as folder:
        variants = tuple(variants_of(path, Path(folder)))
        jobs = [job for device in devices for job in jobs_on(device, variants, choices, threads)]
        gates.check_cover([job.key for job in jobs])
        find_llvm(progress)
        sysroots = {device.name: _sysroots(device, jobs, choices, progress) for device in devices}
        run = partial(_profile, inputs=inputs, use_cache=use_cache, progress=progress)
        outcomes = run_together(
            partial(run, job, sysroots[job.device.name][job.engine], cold_start=started)
            for job, started in _with_start(jobs, gates, cold_start=cold_start)
        )
    return _judged(path, content, jobs, outcomes, gates)


def _with_start(
    jobs: Sequence[Job], gates: Gates, *, cold_start: bool
) -> Iterator[tuple[Job, bool]]:
    """Yield each job and whether a program's start is run for it."""
    for job in jobs:
        yield job, cold_start or gates.limit_start(job.key)


def _judged(
    path: Path,
    content: bytes,
    jobs: Sequence[Job],
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
    job: Job,
    sysroot: Sysroot,
    *,
    inputs: Path | None,
    cold_start: bool,
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
        cold_start=cold_start,
        progress=named,
    )
    model = list_operators(job.variant.path)
    return Entry(
        variant=job.variant.id,
        size_bytes=job.variant.path.stat().st_size,
        device=job.device,
        result=result,
        joined=join_operators([(o.name, o.kind) for o in result.operators], model),
        quantized=is_quantized(model),
    )


def _sysroots(
    device: Device, jobs: Sequence[Job], choices: Sequence[EngineChoice], progress: Progress
) -> dict[str, Sysroot]:
    """Return engine to sysroot, for the engines that the jobs on *device* use."""
    wanted = {job.engine for job in jobs if job.device is device}
    versions = chosen_versions(device, choices)
    return ensure_sysroots(
        device, {name: v for name, v in versions.items() if name in wanted}, progress
    )


def _check_inputs(path: Path | None) -> None:
    if path is not None and not (path.is_file() and path.suffix == ".npz"):
        raise InputError(
            f"--input {path} is not an .npz file.",
            "Give a file with an array for each input of the model, by name.",
        )
