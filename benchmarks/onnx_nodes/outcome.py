"""What becomes of a case: converted, run in LiteRT, and held against what is expected."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import onnx

from benchmarks.onnx_nodes.cases import Case, Tensors
from edgeml_converters.sources import SourceModel, load_source
from edgeml_converters.tflite import write_tflite
from edgeml_converters.verify import artifact_runner
from edgeml_runtime.engines import open_engine
from edgeml_runtime.errors import EdgemlError
from edgeml_runtime.tensors import TensorSpec

Verdict = Literal["passed", "refused", "failed"]
# Sums in another order differ by this share of the largest value, which is no fault of an element.
_ROUNDING = 2e-6
# Two steps of float16, for what is computed in float32 and rounded once.
_HALF_ROUNDING = 2.0**-10


@dataclass(frozen=True)
class Outcome:
    """The verdict on a case, and the reason for any but ``passed``."""

    case: str
    op_type: str
    verdict: Verdict
    reason: str = ""


def judge(case: Case) -> Outcome:
    """Convert a case and run it."""
    try:
        with tempfile.TemporaryDirectory(prefix="edgeml-onnx-node-") as folder:
            path = Path(folder) / "case.onnx"
            onnx.save(case.model, path)
            source = load_source(str(path))
        data = write_tflite(source.graph)
    except EdgemlError as error:
        verdict: Verdict = "failed" if error.exit_code not in {1, 2} else "refused"
        return Outcome(case.name, case.op_type, verdict, error.problem)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the benchmark looks for
        return Outcome(case.name, case.op_type, "failed", f"{type(error).__name__}: {error}")
    try:
        reason = _difference(case, source, data)
    except Exception as error:  # noqa: BLE001 - as above
        reason = f"{type(error).__name__}: {error}"
    return Outcome(case.name, case.op_type, "failed" if reason else "passed", reason)


def _difference(case: Case, source: SourceModel, data: bytes) -> str:
    """Return how the outputs differ, in words; empty when they do not.

    A tensor of equal sizes does not tell the order of its axes, so both are tried.
    """
    engine = open_engine("litert-builtin", data)
    try:
        reasons = []
        for layout in ("", "NCHW"):
            inputs, outputs = (
                _laid_out(specs, layout) for specs in (source.inputs, source.outputs)
            )
            results = artifact_runner(engine, inputs, outputs)(case.inputs)
            reasons.append(_first_difference(results, case))
        return min(reasons, key=len)
    finally:
        engine.close()


def _laid_out(specs: tuple[TensorSpec, ...], layout: str) -> tuple[TensorSpec, ...]:
    return tuple(replace(s, layout=layout if len(s.shape) == 4 else "") for s in specs)


def _first_difference(results: Tensors, case: Case) -> str:
    for name, expected in case.outputs.items():
        reason = _describe(name, results[name], expected, case)
        if reason:
            return reason
    return ""


def _describe(name: str, found: np.ndarray, expected: np.ndarray, case: Case) -> str:
    if found.shape != expected.shape:
        return f"{name} has the shape {found.shape}, not {expected.shape}"
    if found.dtype != expected.dtype:
        return f"{name} is {found.dtype}, not {expected.dtype}"
    if expected.dtype.kind not in "fc":
        wrong = int(np.count_nonzero(found != expected))
        return f"{name}: {wrong} of {expected.size} elements differ" if wrong else ""
    wide = expected.astype(np.float64)
    limit = float(np.finfo(np.float32).max)
    # TFLite's arithmetic ends at the largest finite number.
    saturated = np.where(np.isinf(wide) & np.isfinite(found), np.copysign(limit, wide), wide)
    finite = np.abs(wide[np.isfinite(wide)])
    rounding = _HALF_ROUNDING if expected.dtype == np.float16 else _ROUNDING
    atol = max(case.atol, rounding * float(np.max(finite, initial=0.0)))
    if np.allclose(found.astype(np.float64), saturated, rtol=case.rtol, atol=atol, equal_nan=True):
        return ""
    with np.errstate(invalid="ignore"):
        worst = np.nanmax(np.abs(found.astype(np.float64) - expected))
    return f"{name} is off by {worst:.3g}"


def counted(outcomes: Mapping[str, Outcome] | list[Outcome]) -> dict[Verdict, int]:
    """Return how many cases had each verdict."""
    found = outcomes.values() if isinstance(outcomes, Mapping) else outcomes
    counts: dict[Verdict, int] = {"passed": 0, "refused": 0, "failed": 0}
    for outcome in found:
        counts[outcome.verdict] += 1
    return counts
