"""Counting one inference: the model runs in the emulated board under the counter, once.

Knows how to run it and where counts are kept; must not know what they cost in time.
"""

import hashlib
import json
import os
import tempfile
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path

from edgeml_devices.cache import cache_root, make_folder
from edgeml_devices.device import Device
from edgeml_devices.emulation.guest import run_guest
from edgeml_devices.emulation.plugin import (
    CacheShape,
    LevelName,
    build_plugin,
    plugin_digest,
    read_counts,
)
from edgeml_devices.emulation.qemu import find_qemu, qemu_version
from edgeml_devices.emulation.sysroot import Sysroot
from edgeml_devices.latency.measurement import SCHEMA, Measurement
from edgeml_runtime.errors import InternalError
from edgeml_runtime.progress import Progress, silent

_LEVELS: tuple[LevelName, ...] = ("l1d", "l2", "l3")
# A network whose weights are far larger than the last cache finds nothing of its last inference
# there; a file below this many times that cache gets a simulated inference to fill the caches.
_WARM_CACHES_BELOW = 4
_TIMEOUT_S = 3600.0
_GUEST_SCRIPT = "profile_engine.py"


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
    shapes = cache_shapes(device)
    warm = model.stat().st_size < _WARM_CACHES_BELOW * shapes[-1].size_bytes
    options = ["--warm-caches"] if warm else []
    if inputs is not None:
        options += ["--inputs", str(inputs.resolve())]
    with (
        tempfile.TemporaryDirectory(prefix="edgeml-profile-") as folder,
        as_file(_script()) as script,
    ):
        report = Path(folder) / "counts.json"
        guest = run_guest(
            device,
            sysroot,
            [str(script), engine, str(model.resolve()), *options],
            plugin=build_plugin().argument(report, shapes),
            timeout_s=_TIMEOUT_S,
        )
        counts = read_counts(report)
    try:
        version = json.loads(guest.stdout)["version"]
    except (ValueError, KeyError) as error:
        raise InternalError(
            f"The emulated program answered '{guest.stdout.strip()[:80]}', which is no report.",
            "Run again with --debug; when that repeats, please report it with the model.",
        ) from error
    return Measurement.from_counts(counts, version, shapes[0].line_bytes)


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
        "script": hashlib.sha256(_script().read_bytes()).hexdigest(),
    }
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return cache_root() / "profiles" / f"{key}.json"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _script() -> Traversable:
    return files("edgeml_devices.latency") / "guest_scripts" / _GUEST_SCRIPT


def _write(path: Path, text: str) -> None:
    make_folder(path.parent)
    descriptor, partial = tempfile.mkstemp(prefix=f".{path.stem}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(partial).replace(path)
    finally:
        Path(partial).unlink(missing_ok=True)
