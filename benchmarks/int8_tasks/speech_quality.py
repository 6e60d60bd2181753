"""DNSMOS, which grades noisy speech as listeners do: signal, background and overall, 1 to 5."""

from collections.abc import Iterator
from functools import cache

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
)
from benchmarks.real_models import REAL_MODELS, fetch

MODEL = REAL_MODELS["dnsmos_sig_bak_ovr"]
SAMPLES = 144160
CLIPS = 40
CALIBRATION_CLIPS = 24
TRIAL_CLIPS = 12
WORST_DIFFERENCE = 0.5
"""In grades; the trials count it as nothing right at all, so 0.05 are 10 points."""
# From what the model gives to grades: speechmos, Microsoft's package of the model.
_GRADES = (
    (-0.08397278, 1.22083953, 0.0052439),
    (-0.13166888, 1.60915514, -0.39604546),
    (-0.06766283, 1.11546468, 0.04602535),
)


def task() -> Task:
    """Return the task."""
    return Task(
        name="dnsmos",
        about=f"grades of {CLIPS} clips of noisy speech, mean difference from those of float",
        model=lambda: fetch(MODEL),
        calibration=f"{__name__}:calibration",
        trials=Trials(f"{__name__}:trial_data", f"{__name__}:trial_share", max_drop=5.0),
        questions=lambda: _inputs(seed=2, clips=CLIPS, half="odd"),
        read=_read,
        score=score,
        bounds=(Bound("difference", "most", 0.05),),
        shapes=MODEL.shapes,
    )


def calibration() -> Calibration:
    """Yield clips of prompts that are not scored."""
    for inputs in _inputs(seed=1, clips=CALIBRATION_CLIPS, half="even"):
        yield inputs, None


def trial_data() -> Labelled:
    """Yield clips of unscored prompts with other noise, and their numbers."""
    for index, inputs in enumerate(_inputs(seed=3, clips=TRIAL_CLIPS, half="even")):
        yield inputs, index


def trial_share(outputs: Arrays, index: int) -> float:
    """Return 1 where the grades are those of float, down to 0 where they differ by half a grade."""
    return graded_alike(_read(outputs), _trial_grades()[index])


@cache
def _trial_grades() -> tuple[np.ndarray, ...]:
    return float_readings(task(), (inputs for inputs, _ in trial_data()))


def graded_alike(grades: np.ndarray, float_grades: np.ndarray) -> float:
    """Return how alike they are, as a share of ``WORST_DIFFERENCE``."""
    difference = float(np.mean(np.abs(grades - float_grades)))
    return 1 - min(1.0, difference / WORST_DIFFERENCE)


def score(readings: Readings, float_readings: Readings) -> dict[str, float]:
    """Return how far the grades are apart on average."""
    return {"difference": float(np.mean(np.abs(np.subtract(readings, float_readings))))}


def _inputs(seed: int, clips: int, half: Half) -> Iterator[dict[str, np.ndarray]]:
    for clip in noisy_speech(seed, clips, SAMPLES, half):
        yield {"input_1": clip[np.newaxis]}


def _read(outputs: Arrays) -> np.ndarray:
    ((raw,),) = outputs.values()
    return np.array([np.polyval(grade, value) for grade, value in zip(_GRADES, raw, strict=True)])
