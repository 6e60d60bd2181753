"""Counting one inference: the model runs in the emulated board under the counter, once.

Knows how to run it and where counts are kept; must not know what they cost in time.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from edgeml_devices.cache import cache_root, make_folder
from edgeml_devices.device import Device
from edgeml_devices.emulation.guest import run_guest
from edgeml_devices.emulation.plugin import (
    CacheCounts,
    CacheShape,
    Counts,
    LevelName,
    build_plugin,
    plugin_digest,
    read_counts,
)
from edgeml_devices.emulation.qemu import find_qemu, qemu_version
from edgeml_devices.emulation.sysroot import Sysroot
from edgeml_devices.latency.blocks import loop_indices
from edgeml_devices.latency.measurement import SCHEMA, Measurement, OperatorWork
from edgeml_devices.latency.operator_timeline import operator_ranges, read_events
from edgeml_devices.latency.work import Events, Work, set_aside, shared_out
from edgeml_runtime.errors import InternalError
from edgeml_runtime.progress import Progress, silent

_LEVELS: tuple[LevelName, ...] = ("l1d", "l2", "l3")
# A network whose weights are far larger than the last cache finds nothing of its last inference
# there; a file below this many times that cache gets a simulated inference to fill the caches.
_WARM_CACHES_BELOW = 4
_TIMEOUT_S = 3600.0
_PLAIN_SCRIPT = "profile_engine.py"
_OPERATOR_SCRIPT = "profile_operators.py"
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
    if use_cache and stored.is_file():
        return Measurement.from_json(json.loads(stored.read_text(encoding="utf-8")))
    progress("emulating one inference", 0, 1)
    measurement = _emulate(device, sysroot, engine, model, inputs)
    progress("emulating one inference", 1, 1)
    _write(stored, json.dumps(measurement.to_json(), separators=(",", ":")))
    return measurement


def cache_shapes(device: Device) -> tuple[CacheShape, ...]:
    """Return the data caches of *device* from the core outwards."""
    shapes = []
    for level, name in enumerate(_LEVELS, start=1):
        found = device.cache(level)
        if found is None:
            break
        shapes.append(CacheShape(name, found.size_kib * 1024, found.ways, found.line_bytes))
    return tuple(shapes)


def _emulate(
    device: Device, sysroot: Sysroot, engine: str, model: Path, inputs: Path | None
) -> Measurement:
    """Run the model twice at the same time: plain, and with the engine's profiler on."""
    guest = partial(_count, device, sysroot, engine, model, inputs)
    with ThreadPoolExecutor(2, thread_name_prefix="count") as pool:
        plain = pool.submit(guest, _PLAIN_SCRIPT)
        profiled = pool.submit(guest, _OPERATOR_SCRIPT) if engine in PROFILED_ENGINES else None
        document, counts = plain.result()
        parts = None if profiled is None else _operators(*profiled.result())
    return _measurement(engine, document, counts, parts or (), cache_shapes(device)[0].line_bytes)


def _count(
    device: Device,
    sysroot: Sysroot,
    engine: str,
    model: Path,
    inputs: Path | None,
    script_name: str,
) -> tuple[dict[str, Any], Counts]:
    """Return what a guest script printed and what the counter reports of it."""
    shapes = cache_shapes(device)
    warm = model.stat().st_size < _WARM_CACHES_BELOW * shapes[-1].size_bytes
    options = ["--warm-caches"] if warm else []
    if inputs is not None:
        options += ["--inputs", str(inputs.resolve())]
    with (
        tempfile.TemporaryDirectory(prefix="edgeml-profile-") as folder,
        as_file(_scripts()) as scripts,
    ):
        report = Path(folder) / "counts.json"
        guest = run_guest(
            device,
            sysroot,
            [str(scripts / script_name), engine, str(model.resolve()), *options],
            plugin=build_plugin().argument(report, shapes),
            timeout_s=_TIMEOUT_S,
        )
        counts = read_counts(report)
    try:
        return dict(json.loads(guest.stdout)), counts
    except ValueError as error:
        raise InternalError(
            f"The emulated program answered '{guest.stdout.strip()[:80]}', which is no report.",
            "Run again with --debug; when that repeats, please report it with the model.",
        ) from error


def _operators(document: Mapping[str, Any], counts: Counts) -> tuple[OperatorWork, ...]:
    events = read_events(document)
    loops = loop_indices(counts.blocks)
    return tuple(
        OperatorWork(event.name, event.kind, _work_of(counts, places, loops))
        for event, places in zip(events, operator_ranges(events, counts.slices), strict=True)
    )


def _measurement(
    engine: str,
    document: Mapping[str, Any],
    counts: Counts,
    operators: tuple[OperatorWork, ...],
    line_bytes: int,
) -> Measurement:
    total = _whole_work(counts)
    divide = set_aside if engine in _PROFILED_ELSEWHERE else shared_out
    works, rest = divide(total, [operator.work for operator in operators])
    return Measurement(
        engine_version=document["version"],
        instructions=counts.run_instructions,
        runtime_instructions=counts.call_instructions - counts.run_instructions,
        line_bytes=line_bytes,
        operators=tuple(replace(o, work=w) for o, w in zip(operators, works, strict=True)),
        rest=rest,
    )


def _whole_work(counts: Counts) -> Work:
    loops = loop_indices(counts.blocks)
    executions: dict[bytes, float] = {}
    for block in counts.blocks:
        executions[block.code] = executions.get(block.code, 0) + block.executions
    entries = sum(b.executions for i, b in enumerate(counts.blocks) if i not in loops)
    caches = {name: Events.of(events) for name, events in counts.caches.items()}
    return Work(executions, entries, caches)


def _work_of(counts: Counts, places: range, loops: frozenset[int]) -> Work:
    """Return the work of some slices."""
    executions: dict[bytes, float] = {}
    entries = 0
    events: dict[str, list[CacheCounts]] = {name: [] for name in counts.caches}
    for place in places:
        part = counts.slices[place]
        for index, n in part.executions.items():
            code = counts.blocks[index].code
            executions[code] = executions.get(code, 0) + n
            entries += 0 if index in loops else n
        for name, found in part.caches.items():
            events[name].append(found)
    caches = {
        name: Events(
            sum(e.accesses for e in found),
            sum(e.misses for e in found),
            sum(e.write_backs for e in found),
        )
        for name, found in events.items()
    }
    return Work(executions, entries, caches)


def _store_path(
    device: Device, sysroot: Sysroot, engine: str, model: Path, inputs: Path | None
) -> Path:
    # Everything that the counts depend on.
    parts = {
        "schema": SCHEMA,
        "model": _sha256(model),
        "inputs": None if inputs is None else _sha256(inputs),
        "engine": engine,
        "sysroot": sysroot.digest,
        "qemu": qemu_version(str(find_qemu(device))),
        "qemu_cpu": device.qemu_cpu,
        "caches": [vars(shape) for shape in cache_shapes(device)],
        "plugin": plugin_digest(),
        "scripts": _scripts_digest(),
    }
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return cache_root() / "profiles" / f"{key}.json"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _scripts() -> Traversable:
    return files("edgeml_devices.latency") / "guest_scripts"


def _scripts_digest() -> str:
    digest = hashlib.sha256()
    for script in sorted(_scripts().iterdir(), key=lambda entry: entry.name):
        if script.name.endswith(".py"):
            digest.update(script.read_bytes())
    return digest.hexdigest()


def _write(path: Path, text: str) -> None:
    make_folder(path.parent)
    descriptor, partial = tempfile.mkstemp(prefix=f".{path.stem}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(partial).replace(path)
    finally:
        Path(partial).unlink(missing_ok=True)
