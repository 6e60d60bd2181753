"""PP-OCR's reader of text lines, whose answer is right when every character is."""

from collections.abc import Iterator
from functools import cache
from itertools import groupby

import numpy as np
import onnx

from benchmarks.int8_tasks.rendered_text import Line, draw_line, line_input
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

MODEL = REAL_MODELS["ppocr_rec"]
WIDTH = 320
LINES = 300
CALIBRATION_LINES = 64
TRIAL_LINES = 200
BLANK = 0
"""What connectionist temporal classification (CTC) has between characters."""


def task() -> Task:
    """Return the task."""
    return Task(
        name=MODEL.name,
        about=f"exact text of {LINES} lines",
        model=lambda: fetch(MODEL),
        calibration=f"{__name__}:calibration",
        trials=Trials.of(__name__, max_drop=0.5),
        questions=lambda: ({"x": line_input(line)} for line in _lines(seed=2, lines=LINES)),
        read=_read,
        score=_score,
        bounds=(Bound("exact %", "drop", 1.0),),
        shapes=MODEL.shapes,
    )


def calibration() -> Calibration:
    """Yield lines that are not scored."""
    lines = _lines(seed=1, lines=CALIBRATION_LINES)
    return unlabelled({"x": line_input(line)} for line in lines)


def trial_data() -> Labelled:
    """Yield lines that are neither, and their numbers."""
    return numbered({"x": line_input(line)} for line in _trial_lines())


def trial_share(outputs: Arrays, index: int) -> float:
    """Return 1 where every character of the line is right, else 0."""
    return float(_text(_read(outputs)) == _trial_lines()[index].text)


@cache
def _trial_lines() -> tuple[Line, ...]:
    return tuple(_lines(seed=3, lines=TRIAL_LINES))


def _lines(seed: int, lines: int) -> Iterator[Line]:
    random = np.random.default_rng(seed)
    for _ in range(lines):
        yield draw_line(random, WIDTH)


@cache
def _characters() -> tuple[str, ...]:
    """Return the characters by class; the model has them in its metadata, and the space last."""
    metadata = onnx.load(fetch(MODEL), load_external_data=False).metadata_props
    (listed,) = (entry.value for entry in metadata if entry.key == "character")
    return ("", *listed.splitlines(), " ")


def _read(outputs: Arrays) -> np.ndarray:
    (probabilities,) = outputs.values()  # (1, steps, classes)
    return np.asarray(np.argmax(probabilities[0], axis=-1))


def _text(path: np.ndarray) -> str:
    """Return what the best class of each step spells: repeats are one, and blanks are dropped."""
    characters = _characters()
    return "".join(characters[kind] for kind, _ in groupby(path.tolist()) if kind != BLANK)


def _score(readings: Readings, _float_readings: Readings) -> dict[str, float]:
    found = [_text(path) for path in readings]
    truth = [line.text for line in _lines(seed=2, lines=LINES)]
    return {"exact %": 100 * sum(map(str.__eq__, found, truth)) / len(truth)}
