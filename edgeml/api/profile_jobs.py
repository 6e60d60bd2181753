"""What a profile runs: each variant of a model in each engine on each board that was asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgeml.gates import EntryKey
from edgeml_devices.emulation.engine_choice import EngineChoice, chosen_versions
from edgeml_devices.profile import Device, load_device
from edgeml_runtime.bundle import open_bundle
from edgeml_runtime.engines import ENGINE_FORMATS, NUMPY
from edgeml_runtime.errors import InputError

PREFERRED = ("litert", "tflite-runtime", "litert-builtin", "onnxruntime")
"""The best engine of each format first."""


@dataclass(frozen=True)
class Variant:
    """A model file: of a bundle, or the one that was given."""

    id: str
    format: str
    path: Path


@dataclass(frozen=True)
class Job:
    """One emulation."""

    device: Device
    variant: Variant
    engine: str
    threads: int

    @property
    def key(self) -> EntryKey:
        """What tells its result apart."""
        return EntryKey(self.device.name, self.engine, self.variant.id, self.threads)


def chosen_devices(
    targets: Sequence[str], threads: int, clock_mhz: int | None
) -> tuple[Device, ...]:
    """Return the boards of these names, with that clock.

    Raises:
        InputError: None is named, one is not known, or one lacks the cores.
        UnsupportedError: One cannot be timed.
    """
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


def variants_of(path: Path, folder: Path) -> Iterator[Variant]:
    """Yield the models to profile, those of a bundle as files in *folder*."""
    if path.suffix.lower() != ".edgeml":
        yield Variant(path.name, path.suffix.lower().removeprefix("."), path)
        return
    bundle = open_bundle(path)
    for variant in bundle.manifest.variants:
        file = folder / Path(variant.path).name
        file.write_bytes(bundle.read(variant.path))
        yield Variant(variant.id, variant.format, file)


def jobs_on(
    device: Device, variants: Sequence[Variant], choices: Sequence[EngineChoice], threads: int
) -> Iterator[Job]:
    """Yield what to run on *device*.

    Raises:
        InputError: The board has no engine for a variant, or nothing is in an engine's format.
    """
    usable = chosen_versions(device, choices)
    for choice in choices:
        _check_format(choice.name, variants)
    for variant in variants:
        fitting = [
            engine
            for engine in (usable if choices else PREFERRED)
            if ENGINE_FORMATS[engine] == variant.format and engine in usable
        ]
        if not fitting and not choices and not (variant.format == NUMPY and len(variants) > 1):
            raise InputError(
                f"{device.name} has no engine for {variant.id}.",
                f"Its engines are {', '.join(device.engines)}.",
            )
        # Engines that were asked for all run; else the best one is enough.
        for engine in fitting if choices else fitting[:1]:
            yield Job(device, variant, engine, threads)


def _check_format(engine: str, variants: Sequence[Variant]) -> None:
    if all(variant.format != ENGINE_FORMATS[engine] for variant in variants):
        raise InputError(
            f"{engine} runs .{ENGINE_FORMATS[engine]} files, and there is none to profile.",
            "Choose another engine, or give a model in that format.",
        )
