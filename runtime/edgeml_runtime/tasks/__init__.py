"""What a model's outputs mean: a class for each task, from tensors to a typed result.

To add a task: write one class, name it in ``manifest.TASKS`` and add one line to ``_TASKS``. A
task's module is imported when a bundle of that task is loaded.
"""

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Optional, Protocol, cast

import numpy as np

from edgeml_runtime.errors import InputError
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.manifest import Manifest
from edgeml_runtime.preprocess.step import Geometry

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
        "keypoints": "keypoints:KeypointReader",
        "ocr": "sequences:TextReader",
        "raw": "vectors:RawTask",
        "segmentation": "segmentation:Segmenter",
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
