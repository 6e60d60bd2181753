"""Holding each artifact to the source model: parity, scores, gates, golden vectors."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edgeml.pipeline.draft import Draft, weights_file
from edgeml.pipeline.formats import Format
from edgeml.pipeline.gates import failed_gates
from edgeml.pipeline.golden import Golden
from edgeml.pipeline.plan import Plan
from edgeml.pipeline.record import REJECTED_SUFFIX, Artifact
from edgeml.pipeline.source_answers import SourceAnswers, counted
from edgeml.pipeline.statistics import Statistics
from edgeml.pipeline.stopwatch import Stopwatch
from edgeml_converters.data import Dataset, Sample
from edgeml_converters.inspection import list_operators
from edgeml_converters.isolation import risk
from edgeml_converters.verify import (
    Accuracy,
    Parity,
    Runner,
    artifact_runner,
    compare_outputs,
    no_parity,
    score,
)
from edgeml_runtime.engines import Engine, installed_engines, open_engine
from edgeml_runtime.errors import EngineCrashError, InputError
from edgeml_runtime.progress import Progress
from edgeml_runtime.tensors import TensorSpec

VERIFY_SAMPLES = 100
"""Parity is measured on as many samples at most; scores take all."""
SYNTHETIC_MACS = 32e9
"""What made-up samples may cost together, in multiplications; large networks get fewer of them, as
one shows what is wrong as well as eight do, and a board runs them in its self-test."""
LEAST_SAMPLES = 2

Specs = tuple[TensorSpec, ...]
Outputs = Mapping[str, np.ndarray]


class UnusableError(Exception):
    """An artifact that its engine cannot load or run; examining turns it into a failed gate."""


class Examiner:
    """Measures drafts against the answers of the source model."""

    def __init__(
        self, plan: Plan, drafts: Sequence[Draft], progress: Progress, watch: Stopwatch
    ) -> None:
        self._plan = plan
        self._progress = progress
        self._watch = watch
        self._statistics = Statistics(plan)
        self._samples = _few(plan.verification_data(), drafts).take(VERIFY_SAMPLES)
        with watch.timing("verify"):
            self._source = SourceAnswers(plan.source, self._samples, self._statistics, progress)
        with watch.timing("score"):
            self._reference_scores = {
                metric: self._source.score(_labelled(plan), metric) for metric in plan.metrics
            }

    @property
    def golden(self) -> Golden:
        """The first samples, with the answers of the source."""
        return self._source.golden

    @property
    def statistics(self) -> Mapping[str, Any] | None:
        """What samples and predictions look like, for the manifest; None if there is no data."""
        data = self._plan.verification_data()
        whole = bool(self._plan.metrics) or data.size == self._samples.size is not None
        return self._statistics.to_json(data, whole=whole)

    def close(self) -> None:
        """Release the source model."""
        self._source.close()

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
                parity, scores, golden_error, found, version = self._measure(draft, name, path.name)
            except UnusableError as error:
                parity = no_parity([spec.name for spec in source.outputs], str(error))
                scores, golden_error, found = (), math.inf, (source.inputs, source.outputs)
                version = installed_engines()[name]
        failures = failed_gates(
            path.name,
            draft.precision,
            parity,
            scores,
            self._plan.max_drop,
            classes=self._plan.classifies,
        )
        return Artifact(
            path=path.with_name(f"{path.name}{REJECTED_SUFFIX}") if failures else path,
            format=draft.format.name,
            precision=draft.precision,
            size_bytes=draft.size_bytes,
            sha256=draft.sha256,
            weights=weights_file(path) if draft.split else None,
            engine=(name, version),
            parity=parity,
            scores=scores,
            golden_error=golden_error,
            inputs=_named(found[0], source.inputs, draft.format),
            outputs=_named(found[1], source.outputs, draft.format),
            failures=failures,
        )

    def _measure(
        self, draft: Draft, engine_name: str, file_name: str
    ) -> tuple[Parity, tuple[Accuracy, ...], float, tuple[Specs, Specs], str]:
        """Return parity, scores, golden error, the tensors of the file, the engine's version."""
        source = self._plan.source
        with closing(_opened(engine_name, draft.path)) as engine:
            runner = _usable(artifact_runner(engine, source.inputs, source.outputs))
            with self._watch.timing("verify"):
                inputs = _inputs(counted(self._samples, f"verifying {file_name}", self._progress))
                found = _Watched(self.golden, map(runner, inputs))
                parity = compare_outputs(self._source.outputs(), found)
            with self._watch.timing("score"):
                scores = tuple(self._score(runner, m, file_name) for m in self._plan.metrics)
            specs = engine.inputs, engine.outputs
            return parity, scores, found.golden_error, specs, engine.version

    def _score(self, runner: Runner, metric: str, name: str) -> Accuracy:
        data = counted(_labelled(self._plan), f"scoring {name}, {metric}", self._progress)
        value, samples = score(runner, data, metric)
        return Accuracy.of(metric, self._reference_scores[metric], value, samples)


class _Watched:
    """Outputs on their way, whose distance from the golden ones is noted."""

    def __init__(self, golden: Golden, outputs: Iterable[Outputs]) -> None:
        self._golden = golden
        self._outputs = outputs
        self.golden_error = 0.0

    def __iter__(self) -> Iterator[Outputs]:
        for index, outputs in enumerate(self._outputs):
            if index < len(self._golden.outputs):
                error = self._golden.error(index, outputs)
                self.golden_error = max(self.golden_error, error)
            yield outputs


def _few(data: Dataset, drafts: Sequence[Draft]) -> Dataset:
    """Return as many of the samples as the network is small, if they are made up."""
    if not data.synthetic:
        return data
    # A TFLite file is read faster, where there is one.
    path = max((draft.path for draft in drafts), key=lambda path: path.suffix)
    macs = sum(operator.macs or 0 for operator in list_operators(path))
    return data.take(max(LEAST_SAMPLES, int(SYNTHETIC_MACS / max(macs, 1))))


def _labelled(plan: Plan) -> Dataset:
    assert plan.evaluation is not None, "the plan has metrics only with evaluation data"
    return plan.evaluation


def _opened(name: str, model: Path) -> Engine:
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
