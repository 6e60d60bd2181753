"""What a model's outputs mean: a class for each task, from tensors to a typed result.

To add a task: write one class, name it in ``manifest.TASKS`` and add one line to ``_TASKS``. A
task's module is imported when a bundle of that task is loaded.
"""

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Optional, Protocol, cast

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.errors import InputError
from edgeml_runtime.frozen import asdict, dataclass
from edgeml_runtime.manifest import Manifest
from edgeml_runtime.preprocess import Geometry

_REMEDY = "Make the bundle again with task options that the task has; see docs/tasks.md."


def task_fields(manifest: Manifest) -> Fields:
    """Return the options of the manifest's task, to be read and checked by the task."""
    return Fields(manifest.task_options, f"task_options of '{manifest.task}'", _REMEDY)


class Answer:
    """What dataclasses of plain values have in common."""

    def to_json(self) -> dict[str, Any]:
        """Return the answer as JSON values."""
        return asdict(self)  # type: ignore[call-overload, no-any-return]  # subclasses are


class OutputTask:
    """A task that reads the output of the option ``output``, by default the first.

    A subclass has ``read_options(fields)`` and ``answer(array, outputs, geometry)``.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.manifest, self.labels = manifest, manifest.labels
        fields = task_fields(manifest)
        names = [spec.name for spec in manifest.outputs]
        self.output = fields.choice("output", names, names[0])
        self.read_options(fields)
        fields.nothing_else()

    def read_options(self, fields: Fields) -> None:
        """Read what other options there are."""

    def __call__(
        self, outputs: Mapping[str, np.ndarray], geometry: Optional[Geometry] = None
    ) -> Any:  # noqa: ANN401 - the subclass's Result
        """Return the answer; InputError for an output that holds NaN or has another shape."""
        return self.answer(self.checked(outputs), outputs, geometry)

    def answer(
        self, array: np.ndarray, outputs: Mapping[str, np.ndarray], geometry: Optional[Geometry]
    ) -> Any:  # noqa: ANN401 - as above
        """Return the answer of the output *array*."""

    def checked(self, outputs: Mapping[str, np.ndarray], name: str = "") -> np.ndarray:
        """Return the output, or that of another name, unless it is empty or holds NaN."""
        array = outputs[name or self.output]
        if not array.size:
            raise self.unfit(array, "values", name)
        if array.dtype.kind == "f" and np.isnan(array.min()):
            raise InputError(
                f"The output '{name or self.output}' holds NaN.",
                "Check the sample for values out of range.",
            )
        return array

    def unfit(self, array: np.ndarray, wanted: str, name: str = "") -> InputError:
        """Return the error for an output whose shape is not that of *wanted*."""
        return InputError(
            f"The output '{name or self.output}' has the shape {array.shape}, not {wanted}.",
            "Give one sample at a time, or make the bundle with another task, labels or options.",
        )

    def vector(self, array: np.ndarray, wanted: str, name: str = "") -> np.ndarray:
        """Return an output of which only one axis is longer than 1."""
        if array.size != max(array.shape, default=1):
            raise self.unfit(array, wanted, name)
        return array.reshape(-1)

    def maps(self, array: np.ndarray) -> np.ndarray:
        """Return (1,C,H,W), (1,H,W,C) or (1,H,W) as (C,H,W).

        C is told by the labels, else by the manifest's layout, else it is the smaller.
        """
        maps = array[:, np.newaxis] if array.ndim == 3 else array
        if maps.ndim != 4 or len(maps) != 1:
            raise self.unfit(array, "maps of one image")
        layout = {spec.name: spec.layout for spec in self.manifest.outputs}[self.output]
        first, last = maps.shape[1], maps.shape[3]
        is_last = layout == "NHWC" if layout else last < first
        if len(self.labels) in (first, last):
            is_last = len(self.labels) != first
        return np.moveaxis(maps[0], -1, 0) if is_last else np.asarray(maps[0])


__all__ = ["Result", "Task", "Windows", "make_task"]


class Result(Protocol):
    """A typed answer. A Protocol, as the answers of two tasks have nothing else in common."""

    def to_json(self) -> dict[str, Any]:
        """Return the answer as JSON values."""

    def summary(self) -> str:
        """Return the answer as one line of text."""


@dataclass(frozen=True)
class Windows:
    """The answers for a signal, window by window, each with its start and end in seconds."""

    results: tuple[Result, ...]
    spans_s: tuple[tuple[float, float], ...]

    def to_json(self) -> dict[str, Any]:
        """Return the answers as JSON values."""
        spans = [{"start_s": start, "end_s": end} for start, end in self.spans_s]
        answers = [result.to_json() for result in self.results]
        return {"windows": [{**span, **answer} for span, answer in zip(spans, answers)]}

    def summary(self) -> str:
        """Return one text for each window, and when it begins."""
        pairs = zip(self.spans_s, self.results)
        return "; ".join(f"{start:.2f} s {result.summary()}" for (start, _), result in pairs)


class Task(Protocol):
    """Turns outputs into an answer. A Protocol, so that a task is any callable that does.

    A task may have ``merge(results, spans_s)``, which makes one answer of those for the windows of
    a signal, whose starts and ends are given in seconds.
    """

    def __call__(
        self, outputs: Mapping[str, np.ndarray], geometry: Optional[Geometry] = None
    ) -> Result:
        """Return the answer for outputs of a batch of 1, in the source model's terms.

        Args:
            outputs: By name, as the source model has them.
            geometry: Where the model's input lies in the image; None when there is no image.
        """


_TASKS: Mapping[str, str] = MappingProxyType(  # to "module:class", made with the manifest
    {
        "audio_events": "sequences:AudioEventTask",
        "classification": "vectors:Classifier",
        "detection": "detection:Detector",
        "embedding": "vectors:Embedder",
        "keypoints": "maps:KeypointReader",
        "ocr": "sequences:TextReader",
        "raw": "vectors:RawTask",
        "segmentation": "maps:Segmenter",
        "tabular": "vectors:TabularReader",
    }
)


def make_task(manifest: Manifest) -> Task:
    """Return the task that the manifest names.

    Raises:
        InputError: This version of the runtime does not have it, or its options are wrong.
    """
    if manifest.task not in _TASKS:
        raise InputError(
            f"'{manifest.name}' is for the task '{manifest.task}', which is not known here.",
            "Update edgeml-runtime.",
        )
    module, _, name = _TASKS[manifest.task].partition(":")
    factory = getattr(importlib.import_module(f"edgeml_runtime.tasks.{module}"), name)
    return cast("Task", factory(manifest))
