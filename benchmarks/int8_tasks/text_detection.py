"""PP-OCR's detector of text on pages: which pixels belong to text."""

from collections.abc import Iterator
from functools import cache

import numpy as np

from benchmarks.int8_tasks.float_answers import float_readings
from benchmarks.int8_tasks.rendered_text import draw_page, model_input
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

MODEL = REAL_MODELS["ppocr_det"]
SIZE = 320
PAGES = 40
CALIBRATION_PAGES = 32
TRIAL_PAGES = 24
THRESHOLD = 0.3
"""Above it a pixel is text, as PP-OCR has it."""


def task() -> Task:
    """Return the task."""
    return Task(
        name=MODEL.name,
        about=f"pixels of text on {PAGES} pages, overlap with those that float finds",
        model=lambda: fetch(MODEL),
        calibration=f"{__name__}:calibration",
        trials=Trials.of(__name__, max_drop=2.5),
        questions=lambda: _inputs(seed=2, pages=PAGES),
        read=_read,
        score=_score,
        bounds=(Bound("IoU", "least", 0.95),),
        shapes=MODEL.shapes,
    )


def calibration() -> Calibration:
    """Yield pages that are not scored."""
    return unlabelled(_inputs(seed=1, pages=CALIBRATION_PAGES))


def trial_data() -> Labelled:
    """Yield pages that are neither, and their numbers."""
    return numbered(_inputs(seed=3, pages=TRIAL_PAGES))


def trial_share(outputs: Arrays, index: int) -> float:
    """Return the overlap with what float finds."""
    return overlap(_read(outputs), _trial_masks()[index])


@cache
def _trial_masks() -> tuple[np.ndarray, ...]:
    return float_readings(task(), (inputs for inputs, _ in trial_data()))


def _inputs(seed: int, pages: int) -> Iterator[dict[str, np.ndarray]]:
    random = np.random.default_rng(seed)
    for _ in range(pages):
        yield {"x": model_input(draw_page(random, SIZE))}


def _read(outputs: Arrays) -> np.ndarray:
    (probabilities,) = outputs.values()
    return np.asarray(probabilities[0, 0] > THRESHOLD)


def _score(readings: Readings, float_readings: Readings) -> dict[str, float]:
    pairs = zip(readings, float_readings, strict=True)
    return {"IoU": float(np.mean([overlap(one, other) for one, other in pairs]))}


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Return the intersection of two masks over their union; 1 where both are empty."""
    union = np.count_nonzero(one | other)
    return float(np.count_nonzero(one & other) / union) if union else 1.0
