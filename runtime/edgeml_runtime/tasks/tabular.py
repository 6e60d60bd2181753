"""The task ``tabular``: named numbers, and a class where the model has classes."""

from collections.abc import Mapping
from typing import Optional

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.preprocess.geometry import Geometry
from edgeml_runtime.tasks.options import Answer, OutputTask


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
