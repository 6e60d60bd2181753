"""PP-OCR's classifier of text lines that stand on their head."""

from collections.abc import Iterator

import numpy as np

from benchmarks.int8_tasks.rendered_text import draw_line, line_input
from benchmarks.int8_tasks.task import (
    Arrays,
    Bound,
    Calibration,
    Labelled,
    Readings,
    Task,
    Trials,
    unlabelled,
)
from benchmarks.real_models import REAL_MODELS, fetch

MODEL = REAL_MODELS["ppocr_cls"]
WIDTH = 192
LINES = 300
CALIBRATION_LINES = 64
TRIAL_LINES = 200


def task() -> Task:
    """Return the task."""
    return Task(
        name=MODEL.name,
        about=f"direction of {2 * LINES} lines of text, upright and turned by 180 degrees",
        model=lambda: fetch(MODEL),
        calibration=f"{__name__}:calibration",
        trials=Trials.of(__name__, max_drop=0.5),
        questions=lambda: _inputs(seed=2, lines=LINES),
        read=_read,
        score=_score,
        bounds=(Bound("accuracy %", "drop", 1.0),),
        shapes=MODEL.shapes,
    )


def calibration() -> Calibration:
    """Yield lines that are not scored."""
    return unlabelled(_inputs(seed=1, lines=CALIBRATION_LINES))


def trial_data() -> Labelled:
    """Yield lines that are neither, and whether they are turned."""
    for index, inputs in enumerate(_inputs(seed=3, lines=TRIAL_LINES)):
        yield inputs, index % 2


def trial_share(outputs: Arrays, turned: int) -> float:
    """Return 1 where the direction is right, else 0."""
    return float(_read(outputs)[0] == turned)


def _inputs(seed: int, lines: int) -> Iterator[dict[str, np.ndarray]]:
    """Yield each line upright, and then turned."""
    random = np.random.default_rng(seed)
    for _ in range(lines):
        line = draw_line(random, WIDTH)
        upright = line_input(line)
        yield {"x": upright}
        turned = np.zeros_like(upright)
        turned[..., : line.width] = np.flip(upright[..., : line.width], (2, 3))
        yield {"x": turned}


def _read(outputs: Arrays) -> np.ndarray:
    (probabilities,) = outputs.values()
    return np.asarray(np.argmax(probabilities, axis=-1))


def _score(readings: Readings, _float_readings: Readings) -> dict[str, float]:
    found = np.concatenate(readings)
    truth = np.arange(len(found)) % 2
    return {"accuracy %": 100 * float(np.mean(found == truth))}
