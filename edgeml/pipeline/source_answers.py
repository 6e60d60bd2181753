"""What the source model answers on the samples that artifacts are held to.

It is asked before any artifact runs and then closed, so that no two engines hold the weights of a
model at the same time, and once for all artifacts.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from edgeml.pipeline.golden import SAMPLES, Golden
from edgeml.pipeline.statistics import Statistics
from edgeml_converters.data import Dataset, Sample
from edgeml_converters.isolation import reading
from edgeml_converters.sources import SourceModel
from edgeml_converters.verify import score
from edgeml_runtime.engines import Engine
from edgeml_runtime.progress import Progress

KEPT_BYTES = 1 << 26
"""What answers may take in memory; beyond it the source runs along with each artifact."""

Outputs = Mapping[str, np.ndarray]


class SourceAnswers:
    """The answers of one source model.

    Args:
        source: The model.
        samples: What artifacts are verified on, read as often as needed.
        statistics: Sees what the source was asked, in the last pass.
        progress: Told of each sample.
    """

    def __init__(
        self,
        source: SourceModel,
        samples: Dataset,
        statistics: Statistics,
        progress: Progress,
    ) -> None:
        self._source = source
        self._samples = samples
        self._statistics = statistics
        self._progress = progress
        self._engine: Engine | None = None
        self._kept: list[Outputs] | None = None
        self.golden = self._ask()

    def outputs(self) -> Iterable[Outputs]:
        """Return the outputs for each sample, in their order."""
        if self._kept is not None:
            return self._kept
        return (outputs for _, outputs in self._pairs())

    def score(self, data: Dataset, metric: str) -> float:
        """Return the score of the source in per cent."""
        self._restart()
        shown = counted(data, f"scoring the source, {metric}", self._progress)
        watched, answer = self._statistics.watching(shown, self._answer)
        return score(answer, watched, metric)[0]

    def close(self) -> None:
        """Release the source model; it is opened again when it is asked again."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def _ask(self) -> Golden:
        """Run the source once; keep what it answers, if that is not too much."""
        kept: list[Outputs] = []
        first: list[tuple[Outputs, Outputs]] = []
        size_bytes = 0
        for sample, outputs in self._pairs():
            self._statistics.observe(sample, outputs)
            if len(first) < SAMPLES:
                first.append((sample.inputs, outputs))
            size_bytes += sum(array.nbytes for array in outputs.values())
            if size_bytes <= KEPT_BYTES:
                kept.append(outputs)
        if size_bytes <= KEPT_BYTES:
            self._kept = kept
        self.close()
        return Golden(tuple(inputs for inputs, _ in first), tuple(found for _, found in first))

    def _pairs(self) -> Iterator[tuple[Sample, Outputs]]:
        self._restart()
        for sample in counted(self._samples, "running the source", self._progress):
            yield sample, self._answer(sample.inputs)

    def _restart(self) -> None:
        """Bring a model that remembers what it was fed to its initial state."""
        if self._source.stateful:
            self.close()

    def _answer(self, inputs: Outputs) -> Outputs:
        with reading(self._source.path):
            if self._engine is None:
                self._engine = self._source.reference()
            return self._engine.run(inputs)


def counted(data: Dataset, task: str, progress: Progress) -> Dataset:
    """Return *data* such that reading it reports progress."""

    def read() -> Iterator[Sample]:
        done = 0
        for done, sample in enumerate(data, 1):
            yield sample
            progress(task, done, data.size or 0)

    return replace(data, read=read)
