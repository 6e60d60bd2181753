"""The oldest engine versions that read a model, from ``oldest_engines.toml``.

Knows versions of formats and operators; must not know files or import an engine.
"""

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

from edgeml_converters.inspection.document import EngineNeed
from edgeml_converters.opsets import Limits


@cache
def _table() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("oldest_engines.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def oldest_onnxruntime(ir_version: int, opset: int) -> EngineNeed:
    """Return the first onnxruntime release that reads both the IR version and the opset."""
    rows = _table()["onnxruntime"]
    for_ir = next((row["version"] for row in rows if row["ir"] >= ir_version), None)
    for_opset = next((row["version"] for row in rows if row["opset"] >= opset), None)
    if for_ir is None or for_opset is None:
        newest = f"newer than onnxruntime {rows[-1]['version']} reads"
        what = f"IR version {ir_version}" if for_ir is None else f"opset {opset}"
        return EngineNeed("onnxruntime", None, f"{what} is {newest}")
    if _numbers(for_ir) > _numbers(for_opset):
        return EngineNeed("onnxruntime", for_ir, f"IR version {ir_version}")
    return EngineNeed("onnxruntime", for_opset, f"opset {opset}")


def onnxruntime_limits(version: str) -> Limits | None:
    """Return what an onnxruntime release reads at most, None for one before the table.

    Args:
        version: Numbers with points, such as ``1.16`` or ``1.16.3``.
    """
    rows = [row for row in _table()["onnxruntime"] if _numbers(row["version"]) <= _numbers(version)]
    if not rows:
        return None
    newest = rows[-1]
    return Limits(newest["ir"], {"": newest["opset"], "ai.onnx.ml": newest["ml"]})


def oldest_tflite(operators: Iterable[tuple[str, int]], declared: str) -> tuple[EngineNeed, ...]:
    """Return what a TFLite model asks of each engine that reads the format.

    Args:
        operators: Pairs of operator name and version.
        declared: The file's own ``min_runtime_version``, or empty.
    """
    needs = [(declared, "the file's min_runtime_version")] if declared else []
    unknown = []
    for (name, version), release in _releases(operators).items():
        if release is None:
            unknown.append(f"{name} version {version}")
        else:
            needs.append((release, f"{name} version {version}"))
    if unknown:
        because = f"not known for {', '.join(unknown)}"
        return tuple(EngineNeed(engine, None, because) for engine in ("litert", "tflite-runtime"))
    if not needs:
        return (EngineNeed("litert", "", ""), EngineNeed("tflite-runtime", "", ""))
    oldest, because = max(needs, key=lambda need: _numbers(need[0]))
    litert = EngineNeed("litert", "", "LiteRT continues TensorFlow Lite, and reads what it read")
    return (litert, EngineNeed("tflite-runtime", oldest, because))


def too_new_for(operators: Iterable[tuple[str, int]], runtime: str) -> tuple[str, ...]:
    """Return, in words, the operators that a TensorFlow Lite release does not have.

    Args:
        operators: Pairs of operator name and version.
        runtime: The release, such as ``2.14``.
    """
    words = []
    for (name, version), release in _releases(operators).items():
        if release is None:
            words.append(f"nobody noted which release first has {name} version {version}")
        elif _numbers(release) > _numbers(runtime):
            words.append(f"{name} version {version} needs {release}")
    return tuple(words)


def _releases(operators: Iterable[tuple[str, int]]) -> dict[tuple[str, int], str | None]:
    """Return the release that first has each operator and version, None where it is not known."""
    table: Mapping[str, list[str]] = _table()["tflite"]
    return {
        (name, version): table[name][version - 1]
        if 1 <= version <= len(table.get(name, ()))
        else None
        for name, version in sorted(set(operators))
    }


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
