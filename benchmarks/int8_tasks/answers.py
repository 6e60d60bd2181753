"""Converting the model of a task, and asking each variant of it the questions."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import edgeml
import edgeml_runtime
from benchmarks.int8_tasks.task import Bound, Task
from edgeml_runtime.bundle import open_bundle

FLOAT = "float32.onnx"
"""The variant whose answers the others are held to."""
_ENGINES = {"onnx": "onnxruntime", "tflite": "litert"}


@dataclass(frozen=True)
class Verdict:
    """One figure of one model, by variant."""

    task: str
    bound: Bound
    figures: Mapping[str, float]

    @property
    def met(self) -> dict[str, bool]:
        """Whether each quantized variant keeps the bound."""
        reference = self.figures[FLOAT]
        return {
            variant: self.bound.met(value, reference)
            for variant, value in self.figures.items()
            if variant != FLOAT
        }


def convert(task: Task, precision: str, folder: Path) -> Path:
    """Return a bundle of *task* in float32 and *precision*, in both formats, below *folder*."""
    conversion = edgeml.convert(
        task.model(),
        folder,
        precisions=("float32", precision),
        calibrate=task.calibration,
        input_shapes=task.shapes,
        name=task.name,
    )
    assert conversion.bundle is not None, "without gates every artifact is accepted"
    return conversion.bundle


def verdicts(task: Task, bundle: Path) -> list[Verdict]:
    """Return how each variant of *bundle* answers, one verdict for each bound of *task*."""
    manifest = open_bundle(bundle).manifest
    float_readings = _readings(task, bundle, FLOAT, "onnx")
    figures = {FLOAT: task.score(float_readings, float_readings)}
    for variant in manifest.variants:
        if variant.precision != "float32":
            found = _readings(task, bundle, variant.id, variant.format)
            figures[variant.id] = task.score(found, float_readings)
    return [
        Verdict(task.name, bound, {name: found[bound.figure] for name, found in figures.items()})
        for bound in task.bounds
    ]


def _readings(task: Task, bundle: Path, variant: str, format_: str) -> list[np.ndarray]:
    model = edgeml_runtime.load(
        bundle, variant=variant, engine=_ENGINES[format_], threads=2, self_test=False
    )
    try:
        return [task.read(model.run(question)) for question in task.questions()]
    finally:
        model.close()
