"""How well a model does on labelled data, in per cent.

Knows class scores and labels; must not know engines or where samples come from.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from edgeml_converters.data.dataset import Dataset
from edgeml_converters.data.python_callable import USER_CODE_ERRORS, load_callable
from edgeml_converters.verify.adaptation import Runner
from edgeml_runtime.errors import InputError

Metric = Callable[[Mapping[str, np.ndarray], int], float]
"""One sample's outputs and its class index to its share of the score, 0 to 1."""


@dataclass(frozen=True)
class Accuracy:
    """The score of an artifact beside that of its source, on the same samples.

    Args:
        metric: ``top1``, ``top5`` or ``module:callable``.
        reference: The source model's score in per cent.
        value: The artifact's score in per cent.
        drop: ``reference - value`` in percentage points; positive is worse.
        n: How many samples were scored.
    """

    metric: str
    reference: float
    value: float
    drop: float
    n: int

    @classmethod
    def of(cls, metric: str, reference: float, value: float, n: int) -> "Accuracy":
        """Return the accuracy of an artifact that scores *value*, its source *reference*."""
        return cls(metric, reference, value, reference - value, n)

    def to_json(self) -> dict[str, Any]:
        """Return the ``accuracy`` entry of a conversion document."""
        return {
            "metric": self.metric,
            "reference": self.reference,
            "value": self.value,
            "drop": self.drop,
            "n": self.n,
        }


def score(runner: Runner, dataset: Dataset, metric: str) -> tuple[float, int]:
    """Return the mean of *metric* over *dataset* in per cent, and the number of samples.

    Args:
        runner: The model, in the source layout.
        dataset: Labelled samples, read once.
        metric: ``top1`` or ``top5`` (the label is among the best scores; of equal ones the lower
            class counts first), or ``module:callable``, called with the outputs by name and the
            label, which returns a share from 0 to 1.

    Raises:
        InputError: The metric is unknown, the data has no labels, a label is no class of the model,
            or the model has no output of class scores.
    """
    measure = _metric(metric)
    total, count = 0.0, 0
    for sample in dataset:
        count += 1
        if sample.label is None:
            raise InputError(
                f"{dataset.name} has no labels, so there is nothing to score against.",
                "Give data with labels: class folders, labels.csv, or 'labels' in the .npz.",
            )
        total += measure(runner(sample.inputs), sample.label)
    if count == 0:
        raise InputError(f"{dataset.name} gave no samples to score.", "Give at least one.")
    return 100.0 * total / count, count


def _metric(name: str) -> Metric:
    if name in _TOP:
        return partial(_in_top, _TOP[name])
    if ":" in name:
        return partial(_user_metric, name, load_callable(name))
    raise InputError(f"There is no metric '{name}'.", f"Give {', '.join(_TOP)} or module:callable.")


_TOP: Mapping[str, int] = {"top1": 1, "top5": 5}


def _in_top(best: int, outputs: Mapping[str, np.ndarray], label: int) -> float:
    scores = _class_scores(outputs)
    if label >= scores.size:
        raise InputError(
            f"The label {label} is not among the model's {scores.size} classes.",
            "Labels count from 0; check that the data is for this model.",
        )
    if np.isnan(scores).any():
        return 0.0
    better = int((scores > scores[label]).sum() + (scores[:label] == scores[label]).sum())
    return float(better < best)


def _class_scores(outputs: Mapping[str, np.ndarray]) -> np.ndarray:
    for value in outputs.values():
        if value.size > 1 and value.size == max(value.shape):
            return value.reshape(-1)
    shapes = ", ".join(f"{name} {value.shape}" for name, value in outputs.items())
    raise InputError(
        f"The model has no output of class scores (its outputs are {shapes}).",
        "Score it with a metric of your own: --metric module:callable.",
    )


def _user_metric(
    name: str, function: Callable[..., Any], outputs: Mapping[str, np.ndarray], label: int
) -> float:
    try:
        share = float(function(dict(outputs), label))
    except USER_CODE_ERRORS as error:
        raise InputError(
            f"The metric {name} failed: {type(error).__name__}: {error}.",
            "It is called with a dict of outputs and the label, and returns a number from 0 to 1.",
        ) from error
    if not 0.0 <= share <= 1.0:
        raise InputError(
            f"The metric {name} returned {share}.", "Return the sample's share, 0 to 1."
        )
    return share
