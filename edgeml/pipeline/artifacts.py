"""Building the artifacts and holding each to the source model."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx_ir as ir

from edgeml.pipeline.draft import Draft, weights_file
from edgeml.pipeline.formats import Format
from edgeml.pipeline.gates import failed_gates
from edgeml.pipeline.plan import Plan
from edgeml.pipeline.record import REJECTED_SUFFIX, Artifact
from edgeml.pipeline.stopwatch import Stopwatch
from edgeml_converters.data import Dataset, Sample
from edgeml_converters.graph import optimize
from edgeml_converters.quantize import (
    QuantizationSummary,
    calibrate,
    quantization_summary,
    quantize_int8,
)
from edgeml_converters.verify import Accuracy, Runner, artifact_runner, score, verify
from edgeml_runtime.engines import Engine, open_engine
from edgeml_runtime.progress import Progress
from edgeml_runtime.tensors import TensorSpec

VERIFY_SAMPLES = 100
"""Parity is measured on as many samples at most; scores take all."""


def write_drafts(
    plan: Plan, progress: Progress, watch: Stopwatch
) -> tuple[list[Draft], QuantizationSummary | None]:
    """Return a draft for each precision and format, in their order, and what quantization did.

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
                drafts.append(Draft(format_, precision, native.data))
                continue
            assert graph is not None
            shown = precision if native is None else native.graph_precision
            with watch.timing("write"):
                drafts.append(_write(plan, format_, shown, graph))
    return drafts, summary


def _optimized(plan: Plan, progress: Progress, watch: Stopwatch) -> ir.Model:
    with watch.timing("optimize"):
        progress("optimizing the graph", 0, 1)
        optimized = optimize(plan.source.graph)
        progress("optimizing the graph", 1, 1)
    return optimized


def _write(plan: Plan, format_: Format, precision: str, graph: ir.Model) -> Draft:
    file_name = f"{plan.name}.{precision}.{format_.name}"
    fitting = plan.min_runtimes.fit(graph, format_.name)
    draft = Draft(format_, precision, *format_.render(fitting, weights_file(Path(file_name)).name))
    plan.min_runtimes.check(draft.data, format_.name, file_name)
    return draft


def _quantized(plan: Plan, graph: ir.Model, progress: Progress, watch: Stopwatch) -> ir.Model:
    data = plan.calibration
    assert data is not None, "the plan refuses int8 without calibration data"
    with watch.timing("write"):
        for format_ in plan.formats:
            _write(
                plan, format_, "float32", graph
            )  # a node that a format lacks is told before the long part
    with watch.timing("calibrate"):
        samples = (sample.inputs for sample in data)
        ranges = calibrate(graph, samples, progress, data.size or 0)
    with watch.timing("quantize"):
        return quantize_int8(graph, ranges)


class Examiner:
    """Measures drafts against the source model, which it keeps open."""

    def __init__(self, plan: Plan, progress: Progress, watch: Stopwatch) -> None:
        self._plan = plan
        self._progress = progress
        self._watch = watch
        self._reference = plan.source.reference()
        self.samples = plan.verification_data().take(VERIFY_SAMPLES)
        self._reference_scores: dict[str, float] = {}

    @property
    def reference(self) -> Runner:
        """The source model, in its initial state."""
        if self._plan.source.stateful:
            self._reference.close()
            self._reference = self._plan.source.reference()
        return self._reference.run

    def close(self) -> None:
        """Release the source model."""
        self._reference.close()

    def examine(self, draft: Draft, path: Path) -> Artifact:
        """Return the artifact that *draft* is, verified, scored and gated.

        Args:
            draft: The written model.
            path: Where it will stand, were it to pass.
        """
        name = draft.format.verification_engine()
        with closing(open_engine(name, draft.model)) as engine:
            runner = self.runner(engine)
            with self._watch.timing("verify"):
                inputs = _inputs(self._counted(self.samples, f"verifying {path.name}"))
                parity = verify(self.reference, runner, inputs)
            with self._watch.timing("score"):
                scores = tuple(self._score(runner, m, path.name) for m in self._plan.metrics)
            inputs_found, outputs_found = engine.inputs, engine.outputs
            version = engine.version
        failures = failed_gates(path.name, draft.precision, parity, scores, self._plan.max_drop)
        return Artifact(
            path=path.with_name(f"{path.name}{REJECTED_SUFFIX}") if failures else path,
            format=draft.format.name,
            precision=draft.precision,
            size_bytes=draft.size_bytes,
            sha256=draft.sha256(),
            weights=weights_file(path) if draft.split else None,
            engine=(name, version),
            parity=parity,
            scores=scores,
            inputs=_named(inputs_found, self._plan.source.inputs, draft.format),
            outputs=_named(outputs_found, self._plan.source.outputs, draft.format),
            failures=failures,
        )

    def runner(self, engine: Engine) -> Runner:
        """Return *engine* as a runner in the source's layout."""
        return artifact_runner(engine, self._plan.source.inputs, self._plan.source.outputs)

    def _score(self, runner: Runner, metric: str, name: str) -> Accuracy:
        data = self._plan.evaluation
        assert data is not None, "the plan has metrics only with evaluation data"
        if metric not in self._reference_scores:
            counted = self._counted(data, f"scoring the source, {metric}")
            self._reference_scores[metric] = score(self.reference, counted, metric)[0]
        value, samples = score(runner, self._counted(data, f"scoring {name}, {metric}"), metric)
        return Accuracy.of(metric, self._reference_scores[metric], value, samples)

    def _counted(self, data: Dataset, task: str) -> Dataset:
        """Return *data* such that reading it reports progress."""

        def read() -> Iterator[Sample]:
            done = 0
            for done, sample in enumerate(data, 1):
                yield sample
                self._progress(task, done, data.size or 0)

        return replace(data, read=read)


def _inputs(samples: Iterable[Sample]) -> Iterator[Mapping[str, np.ndarray]]:
    return (sample.inputs for sample in samples)


def _named(
    found: tuple[TensorSpec, ...], expected: tuple[TensorSpec, ...], format_: Format
) -> tuple[TensorSpec, ...]:
    """Return a file's tensors with the layout that its format gives to the source's images."""
    layouts = {
        spec.name: (format_.image_layout or spec.layout) if spec.layout else "" for spec in expected
    }
    return tuple(replace(spec, layout=layouts[spec.name]) for spec in found)
