"""What samples and predictions look like at conversion, so that a board can tell when they drift.

It measures with the runtime's own functions, what passes through the source model anyway.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from edgeml.pipeline.plan import Plan
from edgeml.pipeline.task_choice import answer, task_of
from edgeml_converters.data import Dataset, Sample
from edgeml_runtime.drift import BINS, SCHEMA, Drift, channels, measure
from edgeml_runtime.errors import InputError
from edgeml_runtime.tasks import Task

GROUPS: Final = 10
"""Classes are counted in at most so many groups: with fewer in each, chance hides what changes."""
_LABELLING: Final = ("classification", "detection", "audio_events")
_BUFFERED: Final = 64
"""So many samples set the range of values that are no pixels."""
_LEAST_SPREAD: Final = 0.01
"""Of a range: samples that are all alike would make anything drift."""

Outputs = Mapping[str, np.ndarray]
Runner = Callable[[Outputs], Outputs]


class Statistics:
    """The statistics of the last pass over samples.

    Args:
        plan: The conversion.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._task = task_of(plan) if plan.task in _LABELLING else None
        self._names = {label: index for index, label in enumerate(plan.labels)}
        self.restart()

    def restart(self) -> None:
        """Forget what was seen."""
        self._samples = 0
        self._first: list[np.ndarray] = []
        self._range: tuple[float, float] | None = None
        self._measured = 0
        self._sums: np.ndarray | None = None  # of means, their squares, mean squares; by channel
        self._ends: np.ndarray | None = None  # the least and the largest value
        self._mixed = False
        self._shares = np.zeros(BINS)
        self._classes: Counter[int] = Counter()
        self._scores = np.zeros(2)  # the sum, and that of squares

    def watching(self, data: Dataset, runner: Runner) -> tuple[Dataset, Runner]:
        """Return *data* and *runner* such that a pass of one through the other is what is seen."""
        self.restart()
        current: list[Sample] = []

        def read() -> Iterator[Sample]:
            for sample in data:
                current[:] = [sample]
                yield sample

        def run(inputs: Outputs) -> Outputs:
            outputs = runner(inputs)
            self.observe(current[0], outputs)
            return outputs

        return replace(data, read=read), run

    def observe(self, sample: Sample, outputs: Outputs) -> None:
        """Add a sample and what the source model answered."""
        self._samples += 1
        raw = sample.raw
        if raw.size and raw.dtype.kind in "biuf":
            if raw.dtype == np.uint8:
                self._range = (0.0, 256.0)
            if self._range is None:
                self._first.append(raw)
            else:
                self._measure(raw)
            if len(self._first) == _BUFFERED:
                self._flush()
        if self._task is not None:
            self._count(self._task, sample, outputs)

    def to_json(self, data: Dataset, *, whole: bool) -> Mapping[str, Any] | None:
        """Return the manifest's ``statistics``, None of samples that were made up.

        Args:
            data: What the samples came from.
            whole: Whether all of it was seen; else the classes may be those that stand first.
        """
        self._flush()
        if data.synthetic or not self._samples:
            return None
        name = Path(data.name).name
        found: dict[str, Any] = {"schema": SCHEMA, "samples": self._samples, "data": name}
        if self._range is not None and self._sums is not None and not self._mixed:
            found["input"] = self._input(self._range, self._sums / self._measured)
        if whole and self._classes:
            found["prediction"] = self._prediction()
        return found

    def _flush(self) -> None:
        if self._first:
            finite = [np.nan_to_num(channels(raw)) for raw in self._first]
            self._range = float(min(map(np.min, finite))), float(max(map(np.max, finite)))
            for raw in self._first:
                self._measure(raw)
            self._first = []

    def _measure(self, raw: np.ndarray) -> None:
        assert self._range is not None, "it is set before"
        means, shares = measure(raw, *self._range)
        values = np.nan_to_num(channels(raw).astype(np.float64))
        sums = np.array([means, np.square(means, dtype=np.float64), (values**2).mean(axis=0)])
        ends = np.array([values.min(axis=0), values.max(axis=0)])
        if self._sums is None or self._ends is None:
            self._sums, self._ends = np.zeros_like(sums), ends
        if self._sums.shape != sums.shape:  # images in color and in gray, say
            self._mixed = True
            return
        self._sums += sums
        np.minimum(self._ends[0], ends[0], out=self._ends[0])
        np.maximum(self._ends[1], ends[1], out=self._ends[1])
        self._shares += shares
        self._measured += 1

    def _count(self, task: Task, sample: Sample, outputs: Outputs) -> None:
        try:
            result = answer(self._plan, task, sample, outputs)
        except InputError:  # NaN, which other checks tell of
            return
        for label, score in Drift.answers(result):
            self._classes[self._names[label] if self._names else int(label)] += 1
            self._scores += score, score**2

    def _input(self, limits: tuple[float, float], means: np.ndarray) -> Mapping[str, Any]:
        assert self._ends is not None, "set with the sums"
        mean, squared_mean, mean_square = means
        spread = np.sqrt(np.maximum(squared_mean - mean**2, 0.0))
        return {
            "range": list(limits),
            "mean": _short(mean),
            "spread": _short(np.maximum(spread, _LEAST_SPREAD * (limits[1] - limits[0]))),
            "std": _short(np.sqrt(np.maximum(mean_square - mean**2, 0.0))),
            "min": _short(self._ends[0]),
            "max": _short(self._ends[1]),
            "shares": _short(self._shares / self._measured),
        }

    def _prediction(self) -> Mapping[str, Any]:
        total = sum(self._classes.values())
        classes = len(self._names) or max(self._classes) + 1
        bounds, counts, open_count = [], [], 0
        for index in range(classes):
            open_count += self._classes[index]
            full = classes <= GROUPS or open_count >= total / GROUPS
            if full or index == classes - 1:
                bounds.append(index)
                counts.append(open_count)
                open_count = 0
        mean, square = self._scores / total
        spread = np.sqrt(max(square - mean**2, _LEAST_SPREAD**2))
        return {
            "bounds": bounds,
            "shares": _short(np.array(counts) / total),
            "mean": _short(np.array([mean])),
            "spread": _short(np.array([spread])),
        }


def _short(values: np.ndarray) -> list[float]:
    """Return numbers of 6 digits: the last ones may differ between machines."""
    return [float(f"{value:.6g}") for value in values]
