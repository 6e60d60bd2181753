"""What becomes of a case: optimized, converted, run in three engines, held against the original."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from benchmarks.onnx_nodes.outcome import Verdict
from benchmarks.random_graphs.case import Case
from benchmarks.random_graphs.sketch import span
from edgeml_converters.graph import optimize, serialize_onnx
from edgeml_converters.sources import SourceModel, load_source
from edgeml_converters.tflite import write_tflite
from edgeml_converters.verify import artifact_runner
from edgeml_runtime.engines import open_engine
from edgeml_runtime.errors import EdgemlError

LARGEST_ERROR = 1e-4
"""As a share of the range of an output; integers and truth values must be equal."""

Tensors = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Outcome:
    """The verdict on a case.

    Args:
        verdict: ``refused`` where an operator has no TFLite form, and is named.
        reason: Of any verdict but ``passed``.
        op_types: The operators of the case.
    """

    verdict: Verdict
    reason: str
    op_types: tuple[str, ...]


def judge(case: Case) -> Outcome:
    """Convert a case and run it."""
    try:
        with tempfile.TemporaryDirectory(prefix="edgeml-random-graph-") as folder:
            path = Path(folder) / "case.onnx"
            onnx.save(case.model, path)
            source = load_source(str(path))
            reason = next(_reasons(case, source), "")
    except EdgemlError as error:
        refused = error.exit_code in {1, 2}
        return Outcome("refused" if refused else "failed", error.problem, case.op_types)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the benchmark looks for
        reason = f"{type(error).__name__}: {error}"
    return Outcome("failed" if reason else "passed", reason, case.op_types)


def _reasons(case: Case, source: SourceModel) -> Iterator[str]:
    """Yield how the outputs differ, in words."""
    graph = optimize(source.graph)
    models = {"onnxruntime": serialize_onnx(graph)}
    models |= dict.fromkeys(("litert-builtin", "litert"), write_tflite(graph))
    for engine_name, data in models.items():
        with closing(open_engine(engine_name, data)) as engine:
            results = artifact_runner(engine, source.inputs, source.outputs)(case.inputs)
        for name, expected in case.expected.items():
            difference = describe(results[name], expected)
            if difference:
                yield f"{engine_name}: {name} {difference}"


def describe(found: np.ndarray, expected: np.ndarray) -> str:
    """Return how a tensor differs, in words; empty when it does not."""
    if found.shape != expected.shape:
        return f"has the shape {found.shape}, not {expected.shape}"
    if found.dtype != expected.dtype:
        return f"is {found.dtype}, not {expected.dtype}"
    if expected.dtype.kind != "f":
        wrong = int(np.count_nonzero(found != expected))
        return f"has {wrong} of {expected.size} elements wrong" if wrong else ""
    apart = np.abs(found.astype(np.float64) - expected.astype(np.float64))
    worst = float(np.max(apart, initial=0.0)) / span(expected)
    return "" if worst <= LARGEST_ERROR else f"is off by {worst:.2g} of the range"


def refusal(problem: str) -> str:
    """Return a refusal without the names of files, tensors and nodes."""
    if ".onnx' " in problem:
        return problem.partition(".onnx' ")[2]
    first = problem.partition("form: ")[2].partition("; ")[0]
    node, _, reason = first.partition("): ")
    return f"{node.rpartition('(')[2]}: {reason.rstrip('.')}" if reason else problem


def counted(outcomes: Mapping[int, Outcome]) -> Counter[Verdict]:
    """Return how many cases had each verdict."""
    return Counter(outcome.verdict for outcome in outcomes.values())
