"""The work that is done again and again, each by its name."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.endurance.files import FILM, PICTURES
from edgeml_runtime import Model, load
from edgeml_runtime.engines import installed_engines
from edgeml_runtime.metrics import Metrics
from edgeml_runtime.stream import Source, open_source
from edgeml_runtime.stream.sources import Item

INFERENCES: Final = 500_000
"""In one engine, each way."""
FRAMES: Final = 100_000

Work = Callable[[Model, int], Iterator[object]]


@dataclass(frozen=True)
class Case:
    """One run.

    Args:
        name: What it is called.
        engine: The engine to use, None for the runtime's choice.
        turns: How often the work is done in a whole run.
        work: Does it, a turn at a time.
    """

    name: str
    engine: str | None
    turns: int
    work: Work


def cases() -> list[Case]:
    """Return all that can be run here: every engine by ``run`` and by call, then the streams."""
    named = [name for name in installed_engines() if name != "numpy"]
    engines = [
        case
        for name in named
        for case in (
            Case(f"{name}, model.run(inputs)", name, INFERENCES, _runs),
            Case(f"{name}, model(sample)", name, INFERENCES, _calls),
        )
    ]
    return [
        *engines,
        Case("stream of arrays, with metrics", None, FRAMES, _array_stream),
        Case("stream of a video, again and again", None, FRAMES, _video_stream),
    ]


def run_case(case: Case, bundle: Path, turns: int) -> Iterator[object]:
    """Do the work of *case*."""
    model = load(bundle, engine=case.engine)
    yield from case.work(model, turns)
    model.close()


def _runs(model: Model, turns: int) -> Iterator[object]:
    (spec,) = model.manifest.inputs
    random = np.random.default_rng(0)
    inputs = [{spec.name: random.random((1, 1, 28, 28), np.float32)} for _ in range(10)]
    return (model.run(inputs[turn % 10]) for turn in range(turns))


def _calls(model: Model, turns: int) -> Iterator[object]:
    pictures = _pictures(model)
    return (model(pictures[turn % len(pictures)]) for turn in range(turns))


def _array_stream(model: Model, turns: int) -> Iterator[object]:
    pictures = itertools.cycle(_pictures(model))
    with Metrics(model) as metrics:
        yield from model.stream(pictures, limit=turns, metrics=metrics)


def _video_stream(model: Model, turns: int) -> Iterator[object]:
    film = _Repeated(open_source(Path(model.bundle.path).with_name(FILM)))
    yield from model.stream(film, limit=turns)


class _Repeated:
    """A source that begins again when it has ended."""

    live = False

    def __init__(self, source: Source) -> None:
        self._source = source

    def frames(self) -> Iterator[Item]:
        while True:
            yield from self._source.frames()


def _pictures(model: Model) -> np.ndarray:
    pictures: np.ndarray = np.load(Path(model.bundle.path).with_name(PICTURES))["inputs"]
    return pictures
