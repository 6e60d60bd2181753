"""Building the artifacts, in every format and precision that was asked for."""

from pathlib import Path

import onnx_ir as ir

from edgeml.pipeline.draft import Draft, weights_file, write_draft
from edgeml.pipeline.formats import Format, Parts
from edgeml.pipeline.plan import Plan
from edgeml.pipeline.stopwatch import Stopwatch
from edgeml_converters.graph import optimize
from edgeml_converters.isolation import reading
from edgeml_converters.quantize import (
    QuantizationSummary,
    calibrate,
    quantization_summary,
    quantize_int8,
)
from edgeml_runtime.progress import Progress

VERIFY_SAMPLES = 100
"""Parity is measured on as many samples at most; scores take all."""


def write_drafts(
    plan: Plan, folder: Path, progress: Progress, watch: Stopwatch
) -> tuple[list[Draft], QuantizationSummary | None]:
    """Write a draft for each precision and format to *folder*; return them, and what was quantized.

    Raises:
        UnsupportedError: A format cannot hold the model; lists every node in the way.
    """
    drafts: list[Draft] = []
    summary = None
    optimized: ir.Model | None = None
    for precision in plan.precisions:
        native = plan.source.native
        if native is not None and precision != native.precision:
            native = None
        written = [f for f in plan.formats if native is None or f.name != native.format]
        graph: ir.Model | None = None
        if written:
            graph = optimized = optimized or _optimized(plan, progress, watch)
            if native is None and precision == "int8":
                graph = _quantized(plan, optimized, progress, watch)
                summary = quantization_summary(graph)
        for format_ in plan.formats:
            if native is not None and format_ not in written:
                path = folder / _file_name(plan, format_, precision)
                plan.min_runtimes.check([native.data], format_.name, path.name)
                drafts.append(write_draft(path, format_, precision, [native.data]))
                continue
            assert graph is not None
            shown = precision if native is None else native.graph_precision
            with watch.timing("write"):
                path = folder / _file_name(plan, format_, shown)
                parts, weights = _render(plan, format_, path.name, graph)
                drafts.append(write_draft(path, format_, shown, parts, weights))
                del parts, weights  # which may be all that a model weighs
    return drafts, summary


def _optimized(plan: Plan, progress: Progress, watch: Stopwatch) -> ir.Model:
    with watch.timing("optimize"):
        progress("optimizing the graph", 0, 1)
        with reading(plan.source.path):  # of shapes and constants, which onnx may crash on
            optimized = optimize(plan.source.graph)
        progress("optimizing the graph", 1, 1)
    return optimized


def _file_name(plan: Plan, format_: Format, precision: str) -> str:
    return f"{plan.name}.{precision}.{format_.name}"


def _render(plan: Plan, format_: Format, file_name: str, graph: ir.Model) -> tuple[Parts, Parts]:
    """Return the parts of the file of *graph*, and of that of its weights if it has its own."""
    with reading(plan.source.path):
        fitting = plan.min_runtimes.fit(graph, format_.name)
        parts, weights = format_.render(fitting, weights_file(Path(file_name)).name)
    plan.min_runtimes.check(parts, format_.name, file_name)
    return parts, weights


def _quantized(plan: Plan, graph: ir.Model, progress: Progress, watch: Stopwatch) -> ir.Model:
    data = plan.calibration
    assert data is not None, "the plan refuses int8 without calibration data"
    with watch.timing("write"):
        for format_ in plan.formats:
            # A node that a format lacks is told before the long part.
            _render(plan, format_, _file_name(plan, format_, "float32"), graph)
    with watch.timing("calibrate"), reading(plan.source.path):
        samples = (sample.inputs for sample in data)
        ranges = calibrate(graph, samples, progress, data.size or 0)
    with watch.timing("quantize"):
        return quantize_int8(graph, ranges)
