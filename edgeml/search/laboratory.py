"""Makes a recipe's files and measures them: score and noise on the evaluation data, size, speed."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgeml.api.profiling import profile
from edgeml.pipeline.artifacts import write_drafts
from edgeml.pipeline.draft import Draft
from edgeml.pipeline.examiner import running
from edgeml.pipeline.plan import Plan
from edgeml.pipeline.source_answers import counted
from edgeml.pipeline.stopwatch import Stopwatch
from edgeml.pipeline.workshop import Workshop
from edgeml.search.trial import Trial, TrialFile
from edgeml_converters.data import Dataset, Sample
from edgeml_converters.isolation import reading, unfinished
from edgeml_converters.layers import LayerComparison, OnnxLayers, compare_layers
from edgeml_converters.quantize import Recipe
from edgeml_converters.verify import Runner, artifact_runner, compare_outputs, score
from edgeml_runtime.engines import open_engine
from edgeml_runtime.progress import Progress

KEPT_BYTES = 1 << 28
"""Samples that take less than this are read and prepared once."""
COMPARED_BYTES = 1 << 26
"""What outputs may take that are held against the source's."""
RANKED_SAMPLES = 16
"""Layers are ranked on so many samples: their own errors differ little from one to the next."""

Outputs = Mapping[str, np.ndarray]


class Laboratory:
    """Measures recipes of one plan; files are made in a folder of their own and dropped.

    Args:
        plan: The conversion, with evaluation data and a metric.
        shop: Its float graph and quantizer.
        progress: Told of each sample.
        watch: Takes the time.
    """

    def __init__(self, plan: Plan, shop: Workshop, progress: Progress, watch: Stopwatch) -> None:
        assert plan.evaluation is not None, "the plan refuses a search without evaluation data"
        self._plan = plan
        self._shop = shop
        self._progress = progress
        self._watch = watch
        self._samples = _kept(plan.evaluation)
        self._answers: list[Outputs] = []
        with closing(plan.source.reference()) as engine, reading(plan.source.path):
            found = self._scored(engine.run, "the source")
        self._answers, self.reference, self.scored = found

    def measure(self, name: str, recipe: Recipe) -> Trial:
        """Return what comes of *recipe*, without its speed."""
        with self._drafted(recipe) as (drafts, int8, floats), self._watch.timing("search"):
            files = tuple(self._measured(draft, name) for draft in drafts)
        return Trial(name, recipe, files, self.reference, int8, floats)

    def timed(self, trial: Trial, targets: Sequence[str]) -> Trial:
        """Return *trial* with the emulated latency of each format on each of the boards."""
        with self._drafted(trial.recipe) as (drafts, _, _), self._watch.timing("emulate"):
            found = [_latency_ms(draft, targets, self._progress) for draft in drafts]
        files = zip(trial.files, found, strict=True)
        return replace(trial, files=tuple(replace(file, latency_ms=ms) for file, ms in files))

    def equalizes(self, recipe: Recipe) -> bool:
        """Return whether there is anything in the network to equalize."""
        self._shop.quantizer.observe(recipe)
        return bool(self._shop.quantizer.equalized)

    def layers(self, recipe: Recipe) -> LayerComparison:
        """Return what each layer of an int8 recipe does to its own output."""
        source = self._plan.source
        quantized = self._shop.quantizer.int8(recipe)
        samples = tuple(self._samples.take(RANKED_SAMPLES).inputs)
        with self._watch.timing("search"):
            return compare_layers(
                OnnxLayers(self._shop.optimized, source.inputs, source.outputs),
                OnnxLayers(quantized, source.inputs, source.outputs),
                samples,
                1.0,
                progress=lambda _, done, total: self._progress("auto: ranking layers", done, total),
                total=len(samples),
            )

    @contextmanager
    def _drafted(self, recipe: Recipe) -> Iterator[tuple[list[Draft], int, int]]:
        """Yield the files of *recipe*, and how many nodes are int8 and float in them."""
        plan = replace(self._plan, precisions=(recipe.scheme,), recipe=recipe)
        with (
            tempfile.TemporaryDirectory(prefix="edgeml-auto-") as folder,
            unfinished(Path(folder)),
        ):
            drafts, summaries = write_drafts(plan, self._shop, Path(folder), self._watch)
            if summaries:
                yield drafts, len(summaries[0].quantized), len(summaries[0].excluded)
            else:
                yield drafts, 0, len(self._shop.optimized.graph)

    def _measured(self, draft: Draft, name: str) -> TrialFile:
        source, engine_name = self._plan.source, draft.format.verification_engine()
        with (
            running(draft.file_name, engine_name),
            closing(open_engine(engine_name, draft.path)) as engine,
        ):
            runner = artifact_runner(engine, source.inputs, source.outputs)
            answers, value, _ = self._scored(runner, f"{name} ({draft.format.name})")
        parity = compare_outputs(self._answers, answers)
        return TrialFile(draft.format.name, draft.size_bytes, value, parity.sqnr_db)

    def _scored(self, runner: Runner, label: str) -> tuple[list[Outputs], float, int]:
        """Return the first outputs of *runner*, as many as may be kept, its score and of how many.

        Args:
            runner: What answers.
            label: What it is called in the progress.
        """
        answers: list[Outputs] = []
        wanted = len(self._answers) or None
        room_bytes = COMPARED_BYTES

        def remembering(inputs: Outputs) -> Outputs:
            nonlocal room_bytes
            outputs = runner(inputs)
            room_bytes -= sum(array.nbytes for array in outputs.values())
            if (room_bytes > 0 if wanted is None else len(answers) < wanted) or not answers:
                answers.append({name: array.copy() for name, array in outputs.items()})
            return outputs

        shown = counted(self._samples, f"auto: scoring {label}", self._progress)
        value, samples = score(remembering, shown, self._plan.metrics[0])
        return answers, value, samples


def _kept(data: Dataset) -> Dataset:
    """Return *data* such that it is prepared once, if it is not too much."""
    kept: list[Sample] = []
    size_bytes = 0
    for sample in data:
        size_bytes += sum(array.nbytes for array in sample.inputs.values()) + sample.raw.nbytes
        if size_bytes > KEPT_BYTES:
            return data
        kept.append(sample)
    return replace(data, read=lambda: iter(kept), size=len(kept))


def _latency_ms(draft: Draft, targets: Sequence[str], progress: Progress) -> dict[str, float]:
    found = profile(draft.path, targets=targets, progress=progress)
    return {entry.device.name: entry.result.terms.total_ms for entry in found.entries}
