"""The task ``classification``: the label with the highest score."""

from collections.abc import Mapping
from typing import Any, Optional

import numpy as np

from edgeml_runtime.errors import InputError
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.manifest import Manifest
from edgeml_runtime.preprocess.geometry import Geometry
from edgeml_runtime.tasks.options import task_fields

_TOP = 5
_ROUNDING = 1e-3  # softmax and sigmoid outputs may leave 0..1 by this, int8 ones included


@dataclass(frozen=True)
class Classification:
    """The answer for one sample.

    Args:
        label: The best class by name, or its index as text when the bundle has no labels.
        index: The best class by number.
        score: Its score, from 0 to 1.
        top: Up to five of ``(label, index, score)``, best first.
    """

    label: str
    index: int
    score: float
    top: tuple[tuple[str, int, float], ...]

    def to_json(self) -> dict[str, Any]:
        """Return the answer as JSON values."""
        return {
            "label": self.label,
            "index": self.index,
            "score": self.score,
            "top": [
                {"label": label, "index": index, "score": score} for label, index, score in self.top
            ],
        }

    def summary(self) -> str:
        """Return the label and its score."""
        return f"{self.label} {self.score:.4f}"


class Classifier:
    """Makes a ``Classification`` of the first output, a vector of one score for each class.

    Scores that all lie within 0 to 1 are taken as they are; others are logits, and softmax turns
    them into scores.
    """

    def __init__(self, manifest: Manifest) -> None:
        self._labels = manifest.labels
        task_fields(manifest).nothing_else()

    def __call__(
        self,
        outputs: Mapping[str, np.ndarray],
        geometry: Optional[Geometry] = None,  # noqa: ARG002 - Task
    ) -> Classification:
        """Return the answer for outputs of a batch of 1.

        Raises:
            InputError: The first output is not one vector, holds NaN, or has another length than
                there are labels.
        """
        name, output = next(iter(outputs.items()))
        values = self._checked(name, output)
        scores = _scores(values)
        best = np.argsort(-scores, kind="stable")[:_TOP]
        top = tuple((self._label(int(index)), int(index), float(scores[index])) for index in best)
        return Classification(*top[0], top)

    def _checked(self, name: str, output: np.ndarray) -> np.ndarray:
        values = output.reshape(-1).astype(np.float64)
        if values.size == 0 or max(output.shape, default=1) != values.size:
            raise InputError(
                f"The output '{name}' has the shape {output.shape}, not one score for each class.",
                "Give one sample at a time, or use the task 'raw'.",
            )
        if np.isnan(values).any():
            raise InputError(
                f"The output '{name}' holds NaN.", "Check the sample for values out of range."
            )
        if self._labels and len(self._labels) != values.size:
            raise InputError(
                f"The output '{name}' has {values.size} scores, and the bundle has "
                f"{len(self._labels)} labels.",
                "Make the bundle again with one label for each class.",
            )
        return values

    def _label(self, index: int) -> str:
        return self._labels[index] if self._labels else str(index)


def _scores(values: np.ndarray) -> np.ndarray:
    if values.min() >= -_ROUNDING and values.max() <= 1.0 + _ROUNDING:
        return values
    shifted = np.exp(np.minimum(values - values.max(), 0.0))
    scores: np.ndarray = shifted / shifted.sum()
    return scores
