"""What a scikit-learn model answers, by the names of the exported file's outputs.

Knows the kinds of estimators and their methods; must not know ONNX.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import (
    BaseEstimator,
    is_classifier,
    is_clusterer,
    is_outlier_detector,
    is_regressor,
)
from worker_frames import UserError  # type: ignore[import-not-found]  # lies beside this file

LABEL = "label"
PROBABILITIES = "probabilities"
SCORES = "scores"
PREDICTION = "prediction"
TRANSFORMED = "transformed"


@dataclass(frozen=True)
class Answers:
    """The outputs of a model.

    Args:
        model: The fitted model.
        exported: The names of the outputs, in the order in which skl2onnx makes them.
        names: The same, in the order of the exported file: what is worth most comes first.
        classes: The classes in order; the label is an index into them. Empty when there are none.
    """

    model: BaseEstimator
    exported: tuple[str, ...]
    names: tuple[str, ...]
    classes: tuple[Any, ...] = ()

    def of(self, table: ArrayLike) -> dict[str, np.ndarray]:
        """Return the outputs for the rows of *table*: int64 labels, all else float32."""
        return {name: self._output(name, table) for name in self.names}

    def _output(self, name: str, table: ArrayLike) -> np.ndarray:
        if name == LABEL:
            return self._label(self.model.predict(table))
        if name == PROBABILITIES:
            value = self.model.predict_proba(table)
        elif name == TRANSFORMED:
            value = self.model.transform(table)
        elif name == SCORES:
            value = self._scores(table)
        else:
            value = self.model.predict(table)
        dense = value.toarray() if hasattr(value, "toarray") else np.asarray(value)
        return dense.reshape(len(dense), -1).astype(np.float32)

    def _label(self, predicted: np.ndarray) -> np.ndarray:
        if self.classes:
            return np.searchsorted(np.asarray(self.classes), predicted).astype(np.int64)
        labels = predicted.astype(np.int64)
        return labels.reshape(-1, 1) if is_outlier_detector(self.model) else labels

    def _scores(self, table: ArrayLike) -> np.ndarray:
        if is_clusterer(self.model):
            return np.asarray(self.model.transform(table))
        scores = np.asarray(self.model.decision_function(table))
        if self.classes and scores.ndim == 1:  # of the second of two classes
            return np.stack([-scores, scores], axis=1)
        return scores


def find_answers(model: BaseEstimator) -> Answers:
    """Return what *model* answers.

    Raises:
        UserError: It predicts several labels for one row.
    """
    if is_classifier(model):
        scores = PROBABILITIES if hasattr(model, "predict_proba") else SCORES
        return Answers(model, (LABEL, scores), (scores, LABEL), _classes(model))
    if is_outlier_detector(model) or is_clusterer(model):
        return Answers(model, (LABEL, SCORES), (SCORES, LABEL))
    name = PREDICTION if is_regressor(model) or hasattr(model, "predict") else TRANSFORMED
    return Answers(model, (name,), (name,))


def class_names(answers: Answers) -> list[str]:
    """Return the classes as text, for people."""
    return [str(name) for name in answers.classes]


def is_numbered(classes: tuple[Any, ...]) -> bool:
    """Return whether the classes are 0, 1, 2 and so on, so that each is its own index."""
    return all(not isinstance(c, str) and c == index for index, c in enumerate(classes))


def _classes(model: BaseEstimator) -> tuple[Any, ...]:
    classes = model.classes_
    if isinstance(classes, list) or np.ndim(classes) != 1 or _is_multilabel(model):
        raise UserError(
            f"The {type(model).__name__} predicts several labels for one row.",
            "Fit one model for each label.",
        )
    return tuple(np.asarray(classes).tolist())


def _is_multilabel(model: BaseEstimator) -> bool:
    last: Any = model
    while hasattr(last, "steps"):
        last = last.steps[-1][1]
    return bool(getattr(last, "multilabel_", False)) or (
        getattr(last, "out_activation_", "") == ("logistic") and len(last.classes_) > 2
    )
