"""What samples and predictions look like at conversion, so that a board can tell when they drift.

It measures with the runtime's own functions, what passes through the source model anyway.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from edgeml_converters.data import Dataset, Sample
from edgeml_runtime.drift import BINS, SCHEMA, Drift, channels, measure
from edgeml_runtime.errors import InputError
from edgeml_runtime.manifest import Manifest
from edgeml_runtime.tasks import make_task

GROUPS: Final = 10
"""Classes are counted in at most so many groups: with fewer in each, chance hides what changes."""
_BUFFERED: Final = 64
"""So many samples set the range of values that are no pixels."""
_LEAST_SPREAD: Final = 0.01
"""Of a range: samples that are all alike would make anything drift."""

Outputs = Mapping[str, np.ndarray]
Runner = Callable[[Outputs], Outputs]


class Statistics:
    """The statistics of the last pass over samples.

    Args:
        task: One of the manifest's; of ``classification`` the predictions are counted.
        labels: The names of the classes.
    """

    def __init__(self, task: str, labels: tuple[str, ...]) -> None:
        self._counts_classes = task == "classification"
        self._manifest = Manifest(
            *("", "", 1, task if self._counts_classes else "raw"),
            *((), (), ()),
            labels=labels,
        )
        self._task = make_task(self._manifest)
        self.restart()

    def restart(self) -> None:
        """Forget what was seen."""
        self._samples = 0
        self._first: list[np.ndarray] = []
        self._range: tuple[float, float] | None = None
        self._rows: list[np.ndarray] = []
        self._shares = np.zeros(BINS)
        self._classes: Counter[int] = Counter()
        self._scores: list[float] = []
        self._class_count = 0

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
        if self._counts_classes:
            self._count(outputs)

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
        if self._range is not None and len({row.shape for row in self._rows}) == 1:
            found["input"] = self._input(self._range)
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
        self._rows.append(
            np.array([means, (values**2).mean(axis=0), values.min(axis=0), values.max(axis=0)])
        )
        self._shares += shares

    def _count(self, outputs: Outputs) -> None:
        try:
            result = self._task(outputs)
        except InputError:  # NaN, which other checks tell of
            return
        self._class_count = next(iter(outputs.values())).size
        names = {label: index for index, label in enumerate(self._manifest.labels)}
        for label, score in Drift.answers(result):
            self._classes[names[label] if names else int(label)] += 1
            self._scores.append(score)

    def _input(self, limits: tuple[float, float]) -> Mapping[str, Any]:
        rows = np.array(self._rows)  # (samples, 4, channels)
        mean = rows[:, 0].mean(axis=0)
        deviation = np.sqrt(np.maximum(rows[:, 1].mean(axis=0) - mean**2, 0.0))
        least = _LEAST_SPREAD * (limits[1] - limits[0])
        return {
            "range": list(limits),
            "mean": _short(mean),
            "spread": _short(np.maximum(rows[:, 0].std(axis=0), least)),
            "std": _short(deviation),
            "min": _short(rows[:, 2].min(axis=0)),
            "max": _short(rows[:, 3].max(axis=0)),
            "shares": _short(self._shares / len(rows)),
        }

    def _prediction(self) -> Mapping[str, Any]:
        total = sum(self._classes.values())
        bounds, counts, open_count = [], [], 0
        for index in range(self._class_count):
            open_count += self._classes[index]
            single = self._class_count <= GROUPS
            if single or open_count >= total / GROUPS or index == self._class_count - 1:
                bounds.append(index)
                counts.append(open_count)
                open_count = 0
        spread = max(float(np.std(self._scores)), _LEAST_SPREAD)
        return {
            "bounds": bounds,
            "shares": _short(np.array(counts) / total),
            "mean": _short(np.array([np.mean(self._scores)])),
            "spread": _short(np.array([spread])),
        }


def _short(values: np.ndarray) -> list[float]:
    """Return numbers of 6 digits: the last ones may differ between machines."""
    return [float(f"{value:.6g}") for value in values]
