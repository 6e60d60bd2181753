"""What a model's outputs mean: one module for each task, from tensors to a typed result.

To add a task: write one module and add one line to ``_TASKS``.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Callable, Protocol

import numpy as np

from edgeml_runtime.manifest import Manifest
from edgeml_runtime.tasks.classification import Classification, Classifier
from edgeml_runtime.tasks.raw import RawOutputs, RawTask

__all__ = ["Classification", "RawOutputs", "Result", "Task", "make_task"]


class Result(Protocol):
    """A typed answer. A Protocol, as the answers of two tasks have nothing else in common."""

    def to_json(self) -> dict[str, Any]:
        """Return the answer as JSON values."""

    def summary(self) -> str:
        """Return the answer as one line of text."""


class Task(Protocol):
    """Turns outputs into an answer. A Protocol, so that a task is any callable that does."""

    def __call__(self, outputs: Mapping[str, np.ndarray]) -> Result:
        """Return the answer for outputs of a batch of 1, in the source model's terms."""


_TASKS: Mapping[str, Callable[[tuple[str, ...]], Task]] = MappingProxyType(
    {
        "classification": Classifier,
        "raw": RawTask,
    }
)


def make_task(manifest: Manifest) -> Task:
    """Return the task that the manifest names."""
    return _TASKS[manifest.task](manifest.labels)
