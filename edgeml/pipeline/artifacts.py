"""Building the artifacts and holding each to the source model."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing
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
from edgeml_converters.isolation import reading, risk
from edgeml_converters.quantize import (
    QuantizationSummary,
    calibrate,
    quantization_summary,
    quantize_int8,
)
from edgeml_converters.verify import (
    Accuracy,
    Parity,
    Runner,
    artifact_runner,
    no_parity,
    score,
    verify,
)
from edgeml_runtime.engines import Engine, installed_engines, open_engine
from edgeml_runtime.errors import EngineCrashError, InputError
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
                plan.min_runtimes.check(native.data, format_.name, drafts[-1].file_name(plan.name))
                continue
            assert graph is not None
            shown = precision if native is None else native.graph_precision
            with watch.timing("write"):
                drafts.append(_write(plan, format_, shown, graph))
    return drafts, summary


def _optimized(plan: Plan, progress: Progress, watch: Stopwatch) -> ir.Model:
    with watch.timing("optimize"):
        progress("optimizing the graph", 0, 1)
        with reading(plan.source.path):  # of shapes and constants, which onnx may crash on
            optimized = optimize(plan.source.graph)
        progress("optimizing the graph", 1, 1)
    return optimized


def _write(plan: Plan, format_: Format, precision: str, graph: ir.Model) -> Draft:
    file_name = f"{plan.name}.{precision}.{format_.name}"
    weights_name = weights_file(Path(file_name)).name
    with reading(plan.source.path):
        fitting = plan.min_runtimes.fit(graph, format_.name)
        written = format_.render(fitting, weights_name)
    draft = Draft(format_, precision, written.data, written.weights, notes=written.notes)
    plan.min_runtimes.check(draft.data, format_.name, file_name)
    return draft


def _quantized(plan: Plan, graph: ir.Model, progress: Progress, watch: Stopwatch) -> ir.Model:
    data = plan.calibration
    assert data is not None, "the plan refuses int8 without calibration data"
    with watch.timing("write"):
        for format_ in plan.formats:
            # A node that a format lacks is told before the long part.
            _write(plan, format_, "float32", graph)
    with watch.timing("calibrate"), reading(plan.source.path):
        samples = (sample.inputs for sample in data)
        ranges = calibrate(graph, samples, progress, data.size or 0)
    with watch.timing("quantize"):
        return quantize_int8(graph, ranges)


Specs = tuple[TensorSpec, ...]


class UnusableError(Exception):
    """An artifact that its engine cannot load or run; examining turns it into a failed gate."""


class Examiner:
    """Measures drafts against the source model, which it keeps open."""

    def __init__(self, plan: Plan, progress: Progress, watch: Stopwatch) -> None:
        self._plan = plan
        self._progress = progress
        self._watch = watch
        with reading(plan.source.path):
            self._reference = plan.source.reference()
        self.samples = plan.verification_data().take(VERIFY_SAMPLES)
        self._reference_scores: dict[str, float] = {}

    @property
    def reference(self) -> Runner:
        """The source model, in its initial state."""
        if self._plan.source.stateful:
            self._reference.close()
            self._reference = self._plan.source.reference()
        return self._run_source

    def _run_source(self, inputs: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        with reading(self._plan.source.path):
            return self._reference.run(inputs)

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
        source = self._plan.source
        with running(path.name, name):
            try:
                parity, scores, found, version = self._measure(draft, name, path.name)
            except UnusableError as error:
                parity = no_parity([spec.name for spec in source.outputs], str(error))
                scores, found = (), (source.inputs, source.outputs)
                version = installed_engines()[name]
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
            inputs=_named(found[0], source.inputs, draft.format),
            outputs=_named(found[1], source.outputs, draft.format),
            failures=failures,
        )

    def _measure(
        self, draft: Draft, engine_name: str, file_name: str
    ) -> tuple[Parity, tuple[Accuracy, ...], tuple[Specs, Specs], str]:
        """Return parity, scores, the tensors of the file, and the engine's version."""
        with closing(_opened(engine_name, draft.model)) as engine:
            runner = _usable(self.runner(engine))
            with self._watch.timing("verify"):
                inputs = _inputs(self._counted(self.samples, f"verifying {file_name}"))
                parity = verify(self.reference, runner, inputs)
            with self._watch.timing("score"):
                scores = tuple(self._score(runner, m, file_name) for m in self._plan.metrics)
            return parity, scores, (engine.inputs, engine.outputs), engine.version

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


def _opened(name: str, model: bytes | Path) -> Engine:
    try:
        return open_engine(name, model)
    except InputError as error:
        raise UnusableError(error.problem) from error


def _usable(runner: Runner) -> Runner:
    """Return *runner* such that what the artifact cannot run is told from what the data lack."""

    def run(inputs: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        try:
            return runner(inputs)
        except InputError as error:
            raise UnusableError(error.problem) from error

    return run


def running(file_name: str, engine: str) -> AbstractContextManager[None]:
    """Note that the file *file_name*, which we wrote, is run in *engine* in this block."""
    return risk(
        f"running {file_name} in {engine}",
        kind=EngineCrashError,
        remedy=f"Leave that format out with --to, or take another version of {engine}.",
    )


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
