"""The tasks of rows of numbers: ``classification``, ``embedding``, ``tabular``, and ``raw``."""

from collections.abc import Mapping
from typing import Any, Optional

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.errors import InputError
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.manifest import Manifest
from edgeml_runtime.preprocess import Geometry
from edgeml_runtime.tasks import Answer, OutputTask, task_fields

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


_TINY = 1e-30  # for a vector of zeros


@dataclass(frozen=True)
class Embedding:
    """The answer for one sample: *vector*, (size,) float32."""

    vector: np.ndarray

    def cosine(self, other: "Embedding") -> float:
        """Return the cosine of the angle to another vector: 1 for the same direction."""
        if self.vector.shape != other.vector.shape:
            raise InputError(
                f"Vectors of {self.vector.size} and {other.vector.size} numbers were compared.",
                "Compare those of one model.",
            )
        lengths = np.linalg.norm(self.vector) * np.linalg.norm(other.vector)
        return float(self.vector @ other.vector / max(float(lengths), _TINY))

    def to_json(self) -> dict[str, Any]:
        """Return the answer as JSON values."""
        return {"vector": self.vector.tolist()}

    def summary(self) -> str:
        """Return the size and the first numbers."""
        first = ", ".join(f"{value:.4f}" for value in self.vector[:4])
        return f"{self.vector.size} numbers: {first}, ..."


class Embedder(OutputTask):
    """Makes an ``Embedding`` of a vector, or of one for each token."""

    reads_inputs = True  # the attention mask

    def read_options(self, fields: Fields) -> None:
        """Read what is done with vectors."""
        self._scales = fields.choice("norm", ("l2", "none"), "l2") == "l2"
        names = [spec.name for spec in self.manifest.inputs]
        self._mask = fields.choice("mask", names) if fields.has("mask") else "attention_mask"
        self._pooling = fields.choice("pooling", ("none", "mean", "max", "first"), "none")

    def answer(
        self,
        array: np.ndarray,
        outputs: Mapping[str, np.ndarray],
        geometry: Optional[Geometry],  # noqa: ARG002 - OutputTask
    ) -> Embedding:
        """Return the answer."""
        if self._pooling != "none" and array.ndim == 3 and len(array) == 1:
            array, mask = array[0], outputs.get(self._mask)
            if self._pooling == "first":
                array = array[0]
            else:
                if mask is not None:
                    if mask.size != len(array) or not mask.any():
                        raise self.unfit(array, f"a token for each in {self._mask}, or that is 0")
                    array = array[mask.reshape(-1) != 0]
                array = array.mean(axis=0) if self._pooling == "mean" else array.max(axis=0)
        vector = self.vector(array, "one vector; see the task option 'pooling'").astype(np.float32)
        if self._scales:
            vector = vector / max(float(np.linalg.norm(vector)), _TINY)
        return Embedding(vector)


@dataclass(frozen=True)
class Tabular(Answer):
    """The answer for one row.

    Args:
        values: The numbers, by the name of the output (and column).
        label: The class, by name or else by number; None for models without classes.
        score: Its probability, if the model has it.
        probabilities: By class.
    """

    values: Mapping[str, float]
    label: Optional[str]
    score: Optional[float]
    probabilities: Mapping[str, float]

    def summary(self) -> str:
        """Return the label with its probability, and the numbers."""
        score = "" if self.score is None else f" {self.score:.4f}"
        parts = [] if self.label is None else [f"{self.label}{score}"]
        return "; ".join(parts + [f"{name} {value:.6g}" for name, value in self.values.items()])


class TabularReader(OutputTask):
    """Makes a ``Tabular`` of all outputs of one row, such as those of scikit-learn models.

    A whole number of the name ``label`` is the class; an output of as many numbers as there are
    labels, from 0 to 1 with the sum 1, its probabilities.
    """

    def read_options(self, fields: Fields) -> None:
        """Read whether there are classes, and the names of the input's columns."""
        self._classes = fields.choice("kind", ("auto", "regression"), "auto") == "auto"
        features = fields.texts("features") if fields.has("features") else ()
        columns = sum(spec.shape[-1] or 0 for spec in self.manifest.inputs)
        if features and columns not in (0, len(features)):
            raise fields.fault(f"'features' has {len(features)} names for {columns} columns")

    def answer(
        self,
        array: np.ndarray,  # noqa: ARG002 - OutputTask
        outputs: Mapping[str, np.ndarray],
        geometry: Optional[Geometry],  # noqa: ARG002 - OutputTask
    ) -> Tabular:
        """Return the answer."""
        label, values, probabilities = None, {}, {}
        for name in outputs:
            row = self.vector(self.checked(outputs, name), "a row of numbers", name).tolist()
            is_labelled = len(self.labels) == len(row)
            if self._classes and name == "label" and isinstance(row[0], int):
                label = self._label(row[0])
            elif self._classes and (is_labelled or not self.labels) and _are_probabilities(row):
                probabilities = {self._label(index): value for index, value in enumerate(row)}
            elif len(row) == 1:
                values[name] = row[0]
            else:
                columns = self.labels if is_labelled else range(len(row))
                values.update((f"{name}[{column}]", v) for column, v in zip(columns, row))
        label = label or max(probabilities, key=probabilities.__getitem__, default=None)
        return Tabular(values, label, probabilities.get(label or ""), probabilities)

    def _label(self, index: int) -> str:
        return self.labels[index] if 0 <= index < len(self.labels) else str(index)


def _are_probabilities(row: list[float]) -> bool:
    return len(row) > 1 and min(row) >= -1e-3 and abs(sum(row) - 1.0) <= 0.01


@dataclass(frozen=True)
class RawOutputs:
    """The outputs of a model by name, in the source model's layout and types."""

    outputs: Mapping[str, np.ndarray]

    def to_json(self) -> dict[str, Any]:
        """Return the tensors as nested lists; NaN and infinities become null."""
        return {"outputs": {name: _nested(array) for name, array in self.outputs.items()}}

    def summary(self) -> str:
        """Return name, type, shape and range of each output."""
        return "; ".join(_described(name, array) for name, array in self.outputs.items())


class RawTask:
    """Gives the outputs back as they are."""

    def __init__(self, manifest: Manifest) -> None:
        task_fields(manifest).nothing_else()

    def __call__(
        self,
        outputs: Mapping[str, np.ndarray],
        geometry: Optional[Geometry] = None,  # noqa: ARG002 - Task
    ) -> RawOutputs:
        """Return the outputs."""
        return RawOutputs(dict(outputs))


def _nested(array: np.ndarray) -> Any:  # noqa: ANN401 - lists nested as deep as the rank
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        values = array.astype(object)
        values[~np.isfinite(array)] = None
        return values.tolist()
    return array.tolist()


def _described(name: str, array: np.ndarray) -> str:
    shape = "x".join(str(size) for size in array.shape) or "scalar"
    span = f" from {array.min():.6g} to {array.max():.6g}" if array.size else ""
    return f"{name} {array.dtype.name} {shape}{span}"
