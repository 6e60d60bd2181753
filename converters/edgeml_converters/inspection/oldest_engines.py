"""The oldest engine versions that read a model, from ``oldest_engines.toml``.

Knows versions of formats and operators; must not know files or import an engine.
"""

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

from edgeml_converters.inspection.document import EngineNeed


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


def oldest_tflite(operators: Iterable[tuple[str, int]], declared: str) -> tuple[EngineNeed, ...]:
    """Return what a TFLite model asks of each engine that reads the format.

    Args:
        operators: Pairs of operator name and version.
        declared: The file's own ``min_runtime_version``, or empty.
    """
    table: Mapping[str, list[str]] = _table()["tflite"]
    needs = [(declared, "the file's min_runtime_version")] if declared else []
    unknown = []
    for name, version in sorted(set(operators)):
        releases = table.get(name, [])
        if 1 <= version <= len(releases):
            needs.append((releases[version - 1], f"{name} version {version}"))
        else:
            unknown.append(f"{name} version {version}")
    if unknown:
        because = f"not known for {', '.join(unknown)}"
        return tuple(EngineNeed(engine, None, because) for engine in ("litert", "tflite-runtime"))
    if not needs:
        return (EngineNeed("litert", "", ""), EngineNeed("tflite-runtime", "", ""))
    oldest, because = max(needs, key=lambda need: _numbers(need[0]))
    litert = EngineNeed("litert", "", "LiteRT continues TensorFlow Lite, and reads what it read")
    return (litert, EngineNeed("tflite-runtime", oldest, because))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
