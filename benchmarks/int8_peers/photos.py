"""The labelled photos: which are for calibration, which for scoring, and as inputs of the network.

Nothing of them is copied but what the network sees, into the cache folder.
"""

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeml_converters.data import open_data
from edgeml_runtime.cache_folder import building
from edgeml_runtime.errors import InputError
from edgeml_runtime.preprocess import Pipeline
from edgeml_runtime.tensors import TensorSpec

VARIABLE = "EDGEML_IMAGENET"
CALIBRATION = 100
"""The first rows of ``labels.csv`` are for calibration, the others for scoring."""
Row = tuple[str, int]


@dataclass(frozen=True)
class Part:
    """Some of the photos.

    Args:
        folder: DATA of edgeml: links to the photos, and ``labels.csv``.
        inputs: The folder of what the network sees, see `Inputs`.
        labels: Class indices, in the same order.
    """

    folder: Path
    inputs: Path
    labels: tuple[int, ...]


def photos_folder() -> Path:
    """Return the folder that the environment variable names.

    Raises:
        InputError: It names none.
    """
    named = os.environ.get(VARIABLE, "")
    folder = Path(named)
    if not named or not (folder / "labels.csv").is_file():
        raise InputError(
            f"{VARIABLE} names no folder of labelled photos.",
            "Set it to a folder with 400 photos of ImageNet and their labels.csv (file,label).",
        )
    return folder.absolute()


def split(folder: Path) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    """Return the rows of the calibration and of the scored photos of *folder*.

    Raises:
        InputError: There are too few.
    """
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as stream:
        rows = tuple((row["file"], int(row["label"])) for row in csv.DictReader(stream))
    if len(rows) <= CALIBRATION:
        raise InputError(
            f"{folder} has {len(rows)} photos, and {CALIBRATION} of them are for calibration.",
            "Name a folder with more of them.",
        )
    return rows[:CALIBRATION], rows[CALIBRATION:]


def prepare(
    photos: Path,
    rows: Sequence[Row],
    folder: Path,
    pipeline: Pipeline,
    inputs: Iterable[TensorSpec],
) -> Part:
    """Return *rows* of *photos* as a part in *folder*, made when it is not there yet.

    Args:
        photos: Where the photos are.
        rows: Which.
        folder: Where the part is; other photos or another *pipeline* want another one.
        pipeline: From a photo to an input.
        inputs: Those of the network.
    """
    if not folder.is_dir():
        with building(folder) as unfinished:
            _link(photos, rows, unfinished)
            (unfinished / "inputs").mkdir()
            for index, sample in enumerate(open_data(str(unfinished), tuple(inputs), pipeline)):
                (array,) = sample.inputs.values()
                np.save(unfinished / "inputs" / f"{index:04}.npy", array)
    return Part(folder, folder / "inputs", tuple(label for _, label in rows))


def join(parts: Sequence[Part], folder: Path) -> Path:
    """Return a folder of the inputs of all *parts*, made of links when it is not there yet."""
    if not folder.is_dir():
        with building(folder) as unfinished:
            files = [file for part in parts for file in _files(part)]
            for index, file in enumerate(files):
                (unfinished / f"{index:04}.npy").symlink_to(file)
    return folder


def _files(part: Part) -> Iterator[Path]:
    yield from sorted(part.inputs.glob("*.npy"))


def _link(photos: Path, rows: Sequence[Row], folder: Path) -> None:
    for name, _ in rows:
        (folder / name).symlink_to(photos / name)
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("file", "label"))
        writer.writerows(rows)
