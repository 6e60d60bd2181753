"""Which parts of a model need float64 so that an artifact gives the same answers.

A tree compares float32 values to its thresholds, which are midpoints of two values seen in
training, and with whole numbers a third value often lies right on a midpoint. scikit-learn scales
such a value in float64 and rounds once; scaled in float32 it can fall on the other side, and the
answer is another one, not a slightly different one. See "Issues when switching to float" in the
documentation of skl2onnx. Other models take exponentials of large sums, of which float32 keeps
too little.
"""

from typing import Any

import numpy as np
from skl2onnx.sklapi import CastTransformer
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
from sklearn.linear_model import SGDClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import _BaseNB
from sklearn.pipeline import Pipeline
from sklearn.tree import BaseDecisionTree
from sklearn_parts import (  # type: ignore[import-not-found]  # lies beside this file
    parts_of,
    steps_of,
)

TREES = (BaseDecisionTree, BaseHistGradientBoosting)
WIDE = (
    CalibratedClassifierCV,
    OneVsRestClassifier,
    QuadraticDiscriminantAnalysis,
    SGDClassifier,
    _BaseNB,
)


def with_exact_trees(model: Any) -> Any | None:
    """Return *model* with a step that rounds to float32, as trees do, before its last step.

    None when there are no trees behind other steps, so that nothing has to be exact.
    """
    *before, last = steps_of(model)
    if not before or not _holds(last, TREES):
        return None
    steps = [*before, CastTransformer(np.float32), last]
    return Pipeline([(f"step{index}", step) for index, step in enumerate(steps)])


def hides_scaled_trees(model: Any) -> bool:
    """Return whether an estimator inside the last step has trees behind other steps."""
    last = steps_of(model)[-1]
    inner = (part for part in parts_of(last) if isinstance(part, Pipeline))
    return any(with_exact_trees(part) is not None for part in inner)


def wants_float64(model: Any) -> bool:
    """Return whether the model's own arithmetic should be float64."""
    return _holds(model, WIDE) and not _holds(model, TREES)


def _holds(model: Any, kinds: tuple[type, ...]) -> bool:
    return any(isinstance(part, kinds) for part in parts_of(model))
