"""Counting a cold start: a program on the board that starts, loads a model and runs it once.

Knows how it is counted, in stages; must not know what the counts cost in time, nor the inference
that comes after many others, which is `edgeml_devices.latency.counting`.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import edgeml_runtime
from edgeml_devices.cache import building, cache_root, exclusive
from edgeml_devices.device import Device
from edgeml_devices.emulation.bytecode import compile_tree
from edgeml_devices.emulation.guest import run_guest
from edgeml_devices.emulation.plugin import Counts, build_plugin, read_counts
from edgeml_devices.emulation.qemu import find_qemu
from edgeml_devices.emulation.sysroot import Sysroot
from edgeml_devices.latency.blocks import loop_indices
from edgeml_devices.latency.count_store import keep, read_kept, stored_path
from edgeml_devices.latency.division import slices_work
from edgeml_devices.latency.guest_run import guest_scripts
from edgeml_devices.latency.pricing import main_part
from edgeml_devices.latency.work import Work
from edgeml_runtime.errors import InternalError
from edgeml_runtime.progress import Progress, silent

STAGES = ("interpreter_start", "imports", "load", "first_inference")
"""In their order."""
_SCHEMA = "edgeml.cold-start/1"
_SCRIPT = "cold_start.py"
# Slices of the counter's timeline: the stages, and before the last the script's own doings.
_SLICES = (0, 1, 2, 4)
# The rest of a stage is scaled up from these blocks of it: it changes the time by 0.2 %, and would
# take seven times the blocks to price.
_KEPT_SHARE = 0.9
_TIMEOUT_S = 3600.0

_LIBRARIES = {
    "onnxruntime": "onnxruntime",
    "litert": "ai_edge_litert.interpreter",
    "litert-builtin": "ai_edge_litert.interpreter",
    "tflite-runtime": "tflite_runtime.interpreter",
}


@dataclass(frozen=True)
class StageWork:
    """What the main thread executed in one stage.

    Args:
        name: One of `STAGES`.
        instructions: All of them.
        work: The blocks that most of them were in, and all entries into blocks.
    """

    name: str
    instructions: int
    work: Work


@dataclass(frozen=True)
class StartWork:
    """The counts of one cold start.

    Args:
        stages: In the order of `STAGES`.
        resident_kib: Resident memory at the end of a stage, by its name.
    """

    stages: tuple[StageWork, ...]
    resident_kib: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return the ``edgeml.cold-start/1`` document."""
        codes = sorted({code for stage in self.stages for code in stage.work.executions})
        places = {code: place for place, code in enumerate(codes)}
        return {
            "schema": _SCHEMA,
            "codes": [code.hex() for code in codes],
            "stages": [
                {"name": s.name, "instructions": s.instructions, "work": s.work.to_json(places)}
                for s in self.stages
            ],
            "resident_kib": dict(self.resident_kib),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "StartWork":
        """Return the counts that ``to_json`` described."""
        codes = [bytes.fromhex(code) for code in document["codes"]]
        return cls(
            stages=tuple(
                StageWork(e["name"], e["instructions"], Work.from_json(e["work"], codes))
                for e in document["stages"]
            ),
            resident_kib={name: int(kib) for name, kib in document["resident_kib"].items()},
        )


def measure_cold_start(
    device: Device,
    sysroot: Sysroot,
    engine: str,
    model: Path,
    *,
    use_cache: bool = True,
    progress: Progress = silent,
) -> StartWork:
    """Return the counts of a cold start on one thread, from the store where they are known.

    Args:
        device: A 64-bit board.
        sysroot: Its user space, with the engine in it.
        engine: Name of the engine.
        model: A model file in the engine's format.
        use_cache: Whether counts from an earlier run will do.
        progress: Told when the emulation starts and ends.

    Raises:
        InputError: The engine cannot read the model.
        EngineCrashError: The engine died in the guest.
        MissingToolError: There is no emulator that loads plugins, or no C compiler.
    """
    program = _ensure_program(device, sysroot, progress)
    stored = _store_path(device, sysroot, engine, model, program)
    if use_cache and (kept := read_kept(stored, StartWork.from_json)) is not None:
        return kept
    progress("emulating a cold start", 0, 1)
    work = _emulate(device, sysroot, engine, model, program)
    progress("emulating a cold start", 1, 1)
    keep(stored, work.to_json())
    return work


def _emulate(
    device: Device, sysroot: Sysroot, engine: str, model: Path, program: Path
) -> StartWork:
    with tempfile.TemporaryDirectory(prefix="edgeml-cold-start-") as folder:
        report = Path(folder) / "counts.json"
        guest = run_guest(
            device,
            sysroot,
            [str(program / _SCRIPT), engine, _LIBRARIES[engine], str(model.resolve())],
            plugin=build_plugin().argument(report, (), from_start=True),
            timeout_s=_TIMEOUT_S,
        )
        counts = read_counts(report)
    answer = guest.stdout.strip().rpartition("\n")[2]
    try:
        resident_kib = json.loads(answer)["resident_kib"]
    except (LookupError, TypeError, ValueError) as error:
        raise InternalError(
            f"The emulated program answered '{answer[:80]}', which is no report.",
            "Run again with --debug; when that repeats, please report it with the model.",
        ) from error
    return StartWork(_stages(counts), resident_kib)


def _stages(counts: Counts) -> tuple[StageWork, ...]:
    if len(counts.slices) != _SLICES[-1] + 1:
        raise InternalError(
            f"The cold start has {len(counts.slices)} slices, not {_SLICES[-1] + 1}.",
            "Run again with --debug; when that repeats, please report it with the model.",
        )
    loops = loop_indices(counts.blocks)
    works = [slices_work(counts, [counts.slices[place]], loops) for place in _SLICES]
    return tuple(
        StageWork(name, round(work.instructions), main_part(work, _KEPT_SHARE))
        for name, work in zip(STAGES, works, strict=True)
    )


def _ensure_program(device: Device, sysroot: Sysroot, progress: Progress) -> Path:
    """Return a folder with the guest's script and beside it edgeml's runtime, compiled.

    A board has the runtime installed, and so compiled; of ours nobody knows for which Python.
    """
    package = Path(edgeml_runtime.__path__[0])
    script = (guest_scripts() / _SCRIPT).read_bytes()
    digest = hashlib.sha256(script)
    sources = {file.relative_to(package.parent): file for file in sorted(package.rglob("*.py"))}
    for name, file in sources.items():
        digest.update(f"\0{name}\0".encode() + file.read_bytes())
    folder = cache_root() / "cold-start" / f"{digest.hexdigest()}-python{device.python}"
    if folder.is_dir():
        return folder
    with exclusive(folder.parent, progress):
        if not folder.is_dir():
            with building(folder) as unfinished:
                (unfinished / _SCRIPT).write_bytes(script)
                for name, file in sources.items():
                    (unfinished / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(file, unfinished / name)
                qemu = (str(find_qemu(device)), "-cpu", device.qemu_cpu, "-L", str(sysroot.path))
                guest = (*qemu, str(sysroot.python), "-P", "-s")
                compiled = package.name
                compile_tree(unfinished / compiled, folder / compiled, device.python, guest)
    return folder


def _store_path(device: Device, sysroot: Sysroot, engine: str, model: Path, program: Path) -> Path:
    others = {"schema": _SCHEMA, "program": program.name, "kept_share": _KEPT_SHARE}
    return stored_path(device, sysroot, engine, model, others)
