"""The task ``classification``: the label with the highest score."""

from collections.abc import Mapping
from typing import Any, Optional

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.preprocess.geometry import Geometry
from edgeml_runtime.tasks.options import OutputTask

_ROUNDING = 1e-3  # softmax and sigmoid outputs may leave 0..1 by this, int8 ones included


@dataclass(frozen=True)
class Classification:
    """The answer for one sample.

    Args:
        label: The best class by name, or its index as text when the bundle has no labels.
        index: The best class by number.
        score: Its score, from 0 to 1.
        top: Up to five (see ``top_k``) of ``(label, index, score)``, best first.
        labels: With the option ``multi_label``: all classes that reach it, best first; else None.
    """

    label: str
    index: int
    score: float
    top: tuple[tuple[str, int, float], ...]
    labels: Optional[tuple[str, ...]] = None

    def to_json(self) -> dict[str, Any]:
        """Return the answer as JSON values."""
        several = {} if self.labels is None else {"labels": list(self.labels)}
        return {
            "label": self.label,
            "index": self.index,
            "score": self.score,
            **several,
            "top": [
                {"label": label, "index": index, "score": score} for label, index, score in self.top
            ],
        }

    def summary(self) -> str:
        """Return the label and its score; of several labels, all of them."""
        if self.labels is not None:
            return ", ".join(self.labels) or f"none (best: {self.label} {self.score:.4f})"
        return f"{self.label} {self.score:.4f}"


class Classifier(OutputTask):
    """Makes a ``Classification`` of an output that is a vector of one score for each class.

    By default scores that all lie within 0 to 1 are taken as they are; others are logits.
    """

    def read_options(self, fields: Fields) -> None:
        """Read what is made of the scores."""
        self._most = fields.whole("top_k", 1, default=5)
        kinds = ("auto", "none", "softmax", "sigmoid")
        self._activation = fields.choice("activation", kinds, "auto")
        self._least = fields.fraction("multi_label", 0.5) if fields.has("multi_label") else None

    def answer(
        self,
        array: np.ndarray,
        outputs: Mapping[str, np.ndarray],  # noqa: ARG002 - OutputTask
        geometry: Optional[Geometry],  # noqa: ARG002 - OutputTask
    ) -> Classification:
        """Return the answer."""
        values = self.vector(array, "one score for each class")
        if len(self.labels) not in (0, values.size):
            raise self.unfit(array, f"{len(self.labels)} scores as there are labels")
        scores = self._scores(values.astype(np.float64))
        order = np.argsort(-scores, kind="stable").tolist()
        names = self.labels or range(values.size)
        ranked = [(str(names[index]), index, float(scores[index])) for index in order[: self._most]]
        several = None
        if self._least is not None:
            several = tuple(str(names[index]) for index in order if scores[index] >= self._least)
        return Classification(*ranked[0], tuple(ranked), several)

    def _scores(self, values: np.ndarray) -> np.ndarray:
        kind = self._activation
        if kind == "auto" and values.min() >= -_ROUNDING and values.max() <= 1.0 + _ROUNDING:
            kind = "none"
        if kind == "sigmoid" or (kind == "auto" and self._least is not None):
            values = 1.0 / (1.0 + np.exp(-np.maximum(values, -700.0)))
        elif kind != "none":
            shifted = np.exp(np.minimum(values - values.max(), 0.0))
            values = shifted / shifted.sum()
        return values
