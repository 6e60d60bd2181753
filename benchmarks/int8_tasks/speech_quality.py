"""DNSMOS, which grades noisy speech as listeners do: signal, background and overall, 1 to 5."""

from collections.abc import Iterator

import numpy as np

from benchmarks.int8_tasks.speech import Half, noisy_speech
from benchmarks.int8_tasks.task import Arrays, Bound, Calibration, Readings, Task
from benchmarks.real_models import REAL_MODELS, fetch

MODEL = REAL_MODELS["dnsmos_sig_bak_ovr"]
SAMPLES = 144160
CLIPS = 40
CALIBRATION_CLIPS = 24
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


def score(readings: Readings, float_readings: Readings) -> dict[str, float]:
    """Return how far the grades are apart on average."""
    return {"difference": float(np.mean(np.abs(np.subtract(readings, float_readings))))}


def _inputs(seed: int, clips: int, half: Half) -> Iterator[dict[str, np.ndarray]]:
    for clip in noisy_speech(seed, clips, SAMPLES, half):
        yield {"input_1": clip[np.newaxis]}


def _read(outputs: Arrays) -> np.ndarray:
    ((raw,),) = outputs.values()
    return np.array([np.polyval(grade, value) for grade, value in zip(_GRADES, raw, strict=True)])
