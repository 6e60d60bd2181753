"""Converting the model of a task, and asking each artifact of it the questions."""

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import edgeml
from benchmarks.int8_tasks.task import Bound, Task
from edgeml.search import SearchOutcome
from edgeml_converters.sources import load_source
from edgeml_converters.verify import artifact_runner
from edgeml_runtime.engines import open_engine

FLOAT = "float32.onnx"
"""The artifact whose answers the others are held to."""
AUTO = "auto"
ENGINES = {"onnx": "onnxruntime", "tflite": "litert"}


@dataclass(frozen=True)
class Candidate:
    """An artifact.

    Args:
        name: Precision and format, ``int8.tflite``.
        path: The file.
        format: Its format.
        rejected: Whether edgeml set it aside, as too far from float.
    """

    name: str
    path: Path
    format: str
    rejected: bool


@dataclass(frozen=True)
class Converted:
    """What was made of a model, and the search for it where there was one."""

    candidates: tuple[Candidate, ...]
    search: SearchOutcome | None
    search_s: float


@dataclass(frozen=True)
class Verdict:
    """One figure of one model, by candidate."""

    task: str
    bound: Bound
    figures: Mapping[str, float]

    @property
    def met(self) -> dict[str, bool]:
        """Whether each quantized candidate keeps the bound."""
        reference = self.figures[FLOAT]
        return {
            name: self.bound.met(value, reference)
            for name, value in self.figures.items()
            if name != FLOAT
        }


def convert(task: Task, precision: str, targets: Sequence[str], folder: Path) -> Converted:
    """Write the model of *task* to *folder* in float32 and *precision*, in both formats.

    Args:
        task: What is converted.
        precision: Of ``edgeml convert``; ``auto`` searches on the trials of *task*.
        targets: Boards that the search counts the latency on.
        folder: Where the files go.
    """
    trials, searched = task.trials, precision == AUTO
    begin_s = time.monotonic()
    conversion = edgeml.convert(
        task.model(),
        folder,
        precisions=("float32", precision),
        calibrate=task.calibration,
        evaluate=trials.data if searched else None,
        metrics=(trials.metric,) if searched else (),
        max_drop=trials.max_drop if searched else None,
        task="raw",
        targets=targets if searched else (),
        input_shapes=task.shapes,
        name=task.name,
    )
    candidates = tuple(
        Candidate(found.id, found.path, found.format, found.rejected)
        for found in conversion.artifacts
    )
    return Converted(candidates, conversion.search, time.monotonic() - begin_s)


def verdicts(task: Task, candidates: Sequence[Candidate]) -> list[Verdict]:
    """Return how *candidates* answer, one verdict for each bound of *task*."""
    asked = [found for found in candidates if found.name == FLOAT]
    asked += [found for found in candidates if not found.name.startswith("float32.")]
    readings = {candidate.name: _readings(task, candidate) for candidate in asked}
    scores = {name: task.score(found, readings[FLOAT]) for name, found in readings.items()}
    return [
        Verdict(task.name, bound, {name: score[bound.figure] for name, score in scores.items()})
        for bound in task.bounds
    ]


def _readings(task: Task, candidate: Candidate) -> list[np.ndarray]:
    source = load_source(str(task.model()), task.shapes)
    engine = open_engine(ENGINES[candidate.format], candidate.path.read_bytes(), threads=2)
    with closing(engine):
        run = artifact_runner(engine, source.inputs, source.outputs)
        return [task.read(run(question)) for question in task.questions()]
