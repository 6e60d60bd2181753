"""`edgeml.inspect`: what a model file holds and needs."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from edgeml_converters.inspection import BoardEngine, EngineNeed, Inspection, inspect_model
from edgeml_devices import Device, list_devices, load_device
from edgeml_runtime.engines import ENGINE_FORMATS, NUMPY


def inspect(model: Path | str, *, targets: Sequence[str] = ()) -> Inspection:
    """Return what the file *model* (.onnx, .tflite, .numpy or .edgeml) holds, without running it.

    What stands in the way of a conversion is a finding, not an error.

    Args:
        model: The file.
        targets: The boards of which to say what engine runs it there; all of them by default.

    Raises:
        InputError: The file is missing, damaged or of an unknown kind, or a board is unknown.
    """
    devices = [load_device(name) for name in targets] or list_devices()
    inspection = inspect_model(Path(model))
    return replace(inspection, boards=tuple(_boards(inspection, devices)))


def _boards(inspection: Inspection, devices: Sequence[Device]) -> Iterator[BoardEngine]:
    models = [(entry.id, entry.model) for entry in inspection.variants] or [("", inspection)]
    for device in devices:
        for variant, model in models:
            for engine, format_ in ENGINE_FORMATS.items():
                if format_ == model.format:
                    yield _support(device, engine, model.oldest_engines, variant)


def _support(device: Device, engine: str, needs: Sequence[EngineNeed], variant: str) -> BoardEngine:
    if engine == NUMPY:  # the runtime brings it
        return BoardEngine(device.name, engine, "", True, "", variant)
    version = device.engines.get(engine, "")
    # Both engines of LiteRT are the same library.
    need = next((need for need in needs if need.engine == engine.removesuffix("-builtin")), None)
    oldest = None if need is None else need.version
    runs: bool | None = True
    because = ""
    if not version:
        because = f"no wheel of it for {device.arch} and Python {device.python}"
        runs = False
    elif known := [
        bad for bad in device.known_bad if (bad.engine, bad.version) == (engine, version)
    ]:
        runs, because = False, known[0].reason
    elif need is None or oldest is None:
        runs, because = None, "" if need is None else need.because
    elif oldest and _numbers(version) < _numbers(oldest):
        runs, because = False, f"{need.because} needs {oldest}"
    return BoardEngine(device.name, engine, version, runs, because, variant)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
