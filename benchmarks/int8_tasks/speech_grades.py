"""Networks that grade noisy speech as listeners do, 1 to 5, held to what float grades."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from benchmarks.int8_tasks.float_answers import float_readings
from benchmarks.int8_tasks.speech import Half, noisy_speech
from benchmarks.int8_tasks.task import (
    Arrays,
    Bound,
    Calibration,
    Labelled,
    Readings,
    Task,
    Trials,
    numbered,
    unlabelled,
)
from benchmarks.real_models import REAL_MODELS, fetch

WORST_DIFFERENCE = 0.5
"""In grades; the trials count it as nothing right at all, so 0.05 are 10 points."""


@dataclass(frozen=True)
class SpeechGrades:
    """A task of grading; its methods are what a task's module offers.

    Args:
        name: Of the task.
        module: The module that offers them.
        model: The name of the model in ``REAL_MODELS``.
        samples: Of a clip, at 16 kHz.
        clips: How many are scored, calibrated on, and tried in a search.
        prepare: Makes the model's input, without the batch axis, of a clip.
        read: Reads the grades off the outputs.
    """

    name: str
    module: str
    model: str
    samples: int
    clips: tuple[int, int, int]
    prepare: Callable[[np.ndarray], np.ndarray]
    read: Callable[[Arrays], np.ndarray]

    def task(self) -> Task:
        """Return the task."""
        model, (scored, _, _) = REAL_MODELS[self.model], self.clips
        return Task(
            name=self.name,
            about=f"grades of {scored} clips of noisy speech, mean difference from those of float",
            model=lambda: fetch(model),
            calibration=f"{self.module}:calibration",
            trials=Trials.of(self.module, max_drop=5.0),
            questions=lambda: self._inputs(seed=2, clips=scored, half="odd"),
            read=self.read,
            score=score,
            bounds=(Bound("difference", "most", 0.05),),
            shapes=model.shapes,
        )

    def calibration(self) -> Calibration:
        """Yield clips of prompts that are not scored."""
        return unlabelled(self._inputs(seed=1, clips=self.clips[1], half="even"))

    def trial_data(self) -> Labelled:
        """Yield clips of unscored prompts with other noise, and their numbers."""
        return numbered(self._trial_inputs())

    def trial_share(self, outputs: Arrays, index: int) -> float:
        """Return 1 where the grades are float's, down to 0 where they differ by half a grade."""
        return graded_alike(self.read(outputs), self._trial_grades[index])

    @cached_property
    def _trial_grades(self) -> tuple[np.ndarray, ...]:
        return float_readings(self.task(), self._trial_inputs())

    def _trial_inputs(self) -> Iterator[dict[str, np.ndarray]]:
        return self._inputs(seed=3, clips=self.clips[2], half="even")

    def _inputs(self, seed: int, clips: int, half: Half) -> Iterator[dict[str, np.ndarray]]:
        for clip in noisy_speech(seed, clips, self.samples, half):
            yield {"input_1": self.prepare(clip)[np.newaxis]}


def graded_alike(grades: np.ndarray, float_grades: np.ndarray) -> float:
    """Return how alike they are, as a share of ``WORST_DIFFERENCE``."""
    difference = float(np.mean(np.abs(grades - float_grades)))
    return 1 - min(1.0, difference / WORST_DIFFERENCE)


def score(readings: Readings, float_readings: Readings) -> dict[str, float]:
    """Return how far the grades are apart on average."""
    return {"difference": float(np.mean(np.abs(np.subtract(readings, float_readings))))}
