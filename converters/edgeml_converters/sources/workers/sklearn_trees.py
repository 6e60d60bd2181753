"""Which parts of a model need float64 so that an artifact gives the same answers.

A tree compares float32 values to its thresholds, which are midpoints of two values seen in
training, and with whole numbers a third value often lies right on a midpoint. scikit-learn scales
such a value in float64 and rounds once; scaled in float32 it can fall on the other side, and the
answer is another one, not a slightly different one. See "Issues when switching to float" in the
documentation of skl2onnx. Other models take exponentials of large sums, of which float32 keeps
too little.
"""

import numpy as np
from skl2onnx.sklapi import CastTransformer
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.linear_model import SGDClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import _BaseNB
from sklearn.pipeline import Pipeline
from sklearn.tree import BaseDecisionTree
from sklearn_parts import (  # type: ignore[import-not-found]  # lies beside this file
    parts_of,
    steps_of,
)
from worker_frames import UserError  # type: ignore[import-not-found]  # lies beside this file

TREES = (BaseDecisionTree, BaseHistGradientBoosting)
WIDE = (
    CalibratedClassifierCV,
    OneVsRestClassifier,
    QuadraticDiscriminantAnalysis,
    SGDClassifier,
    _BaseNB,
)


def with_exact_trees(model: BaseEstimator) -> BaseEstimator | None:
    """Return *model* with a step that rounds to float32, as trees do, before its last step.

    Histogram boosting does not round: there is no such step before it. None when there are no
    trees behind other steps, so that nothing has to be exact.
    """
    *before, last = steps_of(model)
    if not before or not _holds(last, TREES):
        return None
    rounding = [] if is_histogram_boosting(last) else [CastTransformer(np.float32)]
    steps = [*before, *rounding, last]
    return Pipeline([(f"step{index}", step) for index, step in enumerate(steps)])


def is_histogram_boosting(model: BaseEstimator) -> bool:
    """Return whether *model* itself compares float64 values to its thresholds."""
    return isinstance(model, BaseHistGradientBoosting)


def round_thresholds(model: BaseEstimator) -> None:
    """Make the thresholds of histogram boosting float32 that divide float32 values as before.

    The largest float32 that is not above the threshold does; skl2onnx takes the nearest.
    """
    for part in parts_of(model):
        if isinstance(part, TreePredictor):
            nodes = part.nodes.copy()
            exact = nodes["num_threshold"]
            nearest = exact.astype(np.float32)
            below = np.nextafter(nearest, np.float32(-np.inf))
            nodes["num_threshold"] = np.where(nearest > exact, below, nearest)
            part.nodes = nodes


def refuse_categories(model: BaseEstimator) -> None:
    """Refuse boosted trees that split categories, which skl2onnx would write as numbers.

    Raises:
        UserError: There are some.
    """
    predictors = (part for part in parts_of(model) if isinstance(part, TreePredictor))
    if any(predictor.nodes["is_categorical"].any() for predictor in predictors):
        raise UserError(
            "The model boosts trees that split categories, which have no form in ONNX.",
            "Fit it without categorical_features, on encoded columns.",
        )


def hides_scaled_trees(model: BaseEstimator) -> bool:
    """Return whether an estimator inside the last step has trees behind other steps."""
    last = steps_of(model)[-1]
    inner = (part for part in parts_of(last) if isinstance(part, Pipeline))
    return any(with_exact_trees(part) is not None for part in inner)


def wants_float64(model: BaseEstimator) -> bool:
    """Return whether the model's own arithmetic should be float64."""
    return _holds(model, WIDE) and not _holds(model, TREES)


def _holds(model: BaseEstimator, kinds: tuple[type, ...]) -> bool:
    return any(isinstance(part, kinds) for part in parts_of(model))
