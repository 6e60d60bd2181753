"""Counting one inference: the model runs in the emulated board under the counter, once.

Knows how to run it; must not know what the counts cost in time.
"""

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgeml_devices.device import Device
from edgeml_devices.emulation.plugin import Counts
from edgeml_devices.emulation.sysroot import Sysroot
from edgeml_devices.latency.count_store import file_sha256, keep, read_kept, stored_path
from edgeml_devices.latency.division import operator_works, whole_work
from edgeml_devices.latency.guest_run import (
    COUNTING_SCRIPTS,
    OPERATOR_SCRIPT,
    PLAIN_SCRIPT,
    GuestRun,
    cache_shapes,
    guest_scripts,
)
from edgeml_devices.latency.measurement import SCHEMA, Measurement, OperatorWork
from edgeml_devices.latency.work import set_aside, shared_out
from edgeml_runtime.errors import InputError
from edgeml_runtime.progress import Progress, silent

PROFILED_ENGINES = frozenset({"litert", "litert-builtin", "onnxruntime"})
"""Engines that tell which operator ran when."""
# Their profiler is in another library than the interpreter that is timed.
_PROFILED_ELSEWHERE = frozenset({"litert", "litert-builtin"})


def measure(
    device: Device,
    sysroot: Sysroot,
    engine: str,
    model: Path,
    *,
    inputs: Path | None = None,
    use_cache: bool = True,
    progress: Progress = silent,
) -> Measurement:
    """Return the counts of one inference, from the store where they are known.

    Args:
        device: The board.
        sysroot: Its user space, with the engine in it.
        engine: Name of the engine.
        model: A model file in the engine's format.
        inputs: An ``.npz`` with an array for each input; seeded ones without it.
        use_cache: Whether counts from an earlier run will do.
        progress: Told when the emulation starts and ends.

    Raises:
        InputError: The engine cannot read the model or the inputs.
        EngineCrashError: The engine died in the guest.
        MissingToolError: There is no emulator that loads plugins, or no C compiler.
    """
    stored = _store_path(device, sysroot, engine, model, inputs)
    if use_cache and (kept := read_kept(stored, Measurement.from_json)) is not None:
        return kept
    progress("emulating one inference", 0, 1)
    measurement = _emulate(GuestRun(device, sysroot, engine, model, inputs))
    progress("emulating one inference", 1, 1)
    keep(stored, measurement.to_json())
    return measurement


def _emulate(run: GuestRun) -> Measurement:
    """Run the model twice at the same time: plain, and with the engine's profiler on."""
    with ThreadPoolExecutor(2, thread_name_prefix="count") as pool:
        plain = pool.submit(run.count, PLAIN_SCRIPT)
        profiled = (
            pool.submit(run.count, OPERATOR_SCRIPT) if run.engine in PROFILED_ENGINES else None
        )
        document, counts = plain.result()
        operators, unknown_because = _told_operators(profiled)
    divide = set_aside if run.engine in _PROFILED_ELSEWHERE else shared_out
    works, rest = divide(whole_work(counts), [operator.work for operator in operators])
    return Measurement(
        engine_version=document["version"],
        instructions=counts.run_instructions,
        runtime_instructions=counts.call_instructions - counts.run_instructions,
        line_bytes=cache_shapes(run.device)[0].line_bytes,
        operators=tuple(replace(o, work=w) for o, w in zip(operators, works, strict=True)),
        rest=rest,
        unknown_because=unknown_because,
    )


def _told_operators(
    profiled: "Future[tuple[dict[str, Any], Counts]] | None",
) -> tuple[tuple[OperatorWork, ...], str]:
    """Return the operators, or none and the reason."""
    if profiled is None:
        return (), "this engine tells nothing of its operators"
    try:
        document, counts = profiled.result()
    except InputError as error:  # the plain run took the same model and inputs
        return (), error.problem
    return operator_works(document, counts), ""


def _store_path(
    device: Device, sysroot: Sysroot, engine: str, model: Path, inputs: Path | None
) -> Path:
    others = {
        "schema": SCHEMA,
        "inputs": None if inputs is None else file_sha256(inputs),
        "caches": [vars(shape) for shape in cache_shapes(device)],
        "scripts": _scripts_digest(),
    }
    return stored_path(device, sysroot, engine, model, others)


def _scripts_digest() -> str:
    digest = hashlib.sha256()
    for name in COUNTING_SCRIPTS:
        digest.update((guest_scripts() / name).read_bytes())
    return digest.hexdigest()
