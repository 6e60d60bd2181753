"""What a task is: a trained float model, data to ask it of, and what its answers are worth."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

Arrays = Mapping[str, np.ndarray]
"""The inputs or the outputs of one inference, by name, in the layout of the float model."""
Readings = Sequence[np.ndarray]
"""What was read off the outputs, one array for each question."""
Calibration = Iterator[tuple[dict[str, np.ndarray], None]]
"""What ``edgeml convert --calibrate module:callable`` calls: inputs without a label."""
Labelled = Iterator[tuple[dict[str, np.ndarray], int]]
"""What ``--evaluate module:callable`` calls."""


def unlabelled(inputs: Iterable[dict[str, np.ndarray]]) -> Calibration:
    """Yield inputs to calibrate on."""
    for one in inputs:
        yield one, None


def numbered(inputs: Iterable[dict[str, np.ndarray]]) -> Labelled:
    """Yield inputs with their numbers, by which a metric knows what float answered."""
    for index, one in enumerate(inputs):
        yield one, index


@dataclass(frozen=True)
class Bound:
    """How far int8 may be from float in one figure.

    Args:
        figure: Its name, as the score gives it.
        kind: ``drop``: at most *limit* below float; ``least`` or ``most``: *limit* itself;
            ``none``: it is told and not held to anything.
        limit: In the unit of the figure.
    """

    figure: str
    kind: Literal["drop", "least", "most", "none"]
    limit: float = 0.0

    def met(self, value: float, float_value: float) -> bool:
        """Return whether *value* of int8 is good enough, where float has *float_value*."""
        if self.kind == "drop":
            return float_value - value <= self.limit + 1e-9
        if self.kind == "least":
            return value >= self.limit
        return self.kind == "none" or value <= self.limit

    def __str__(self) -> str:
        if self.kind == "drop":
            return f"float - {self.limit:g}"
        if self.kind == "none":
            return "no bound"
        return f"{'>=' if self.kind == 'least' else '<='} {self.limit:g}"


@dataclass(frozen=True)
class Trials:
    """What ``--quantize auto`` tries precisions on: neither calibrated on nor scored.

    Args:
        data: DATA of ``--evaluate``; a label is the number of the sample where the metric wants it.
        metric: Of ``--metric``: the figure of the task, as a share of each sample.
        max_drop: Of ``--max-drop``. Half of what the bound allows, as other samples are scored.
    """

    data: str
    metric: str
    max_drop: float

    @classmethod
    def of(cls, module: str, max_drop: float) -> "Trials":
        """Return those of a task's module, which has ``trial_data`` and ``trial_share``."""
        return cls(f"{module}:trial_data", f"{module}:trial_share", max_drop)


@dataclass(frozen=True)
class Task:
    """One model on one set of data.

    Args:
        name: As the command line calls it.
        about: What is scored, in a few words.
        model: Returns the float ONNX file, fetched or built when it is not there yet.
        calibration: DATA of ``edgeml convert --calibrate``.
        trials: What a search for a precision is given besides.
        questions: Yields the inputs that are scored; always the same, and none of the calibration.
        read: Turns the outputs of one inference into what is compared.
        score: Turns the readings, and those of float, into figures by name.
        bounds: What the figures are held to.
        shapes: Of the inputs, where the model leaves sizes free.
    """

    name: str
    about: str
    model: Callable[[], Path]
    calibration: str
    trials: Trials
    questions: Callable[[], Iterator[dict[str, np.ndarray]]]
    read: Callable[[Arrays], np.ndarray]
    score: Callable[[Readings, Readings], dict[str, float]]
    bounds: tuple[Bound, ...]
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
