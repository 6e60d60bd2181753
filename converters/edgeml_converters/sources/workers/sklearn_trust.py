"""What of a .skops file is safe to load, beyond what skops itself knows to be.

skops trusts the public estimators. The types here are scikit-learn's own as well: plain classes
that hold numbers and never run what they hold. Trees are among them on a condition: a table of
nodes that points outside itself would make scikit-learn read memory that is not its own, so each
table is checked before it is used.
"""

from collections.abc import Iterator

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.tree import BaseDecisionTree
from sklearn.tree._tree import Tree
from sklearn_parts import parts_of  # type: ignore[import-not-found]  # lies beside this file

TRUSTED = frozenset(
    {
        "numpy.dtype",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.feature_selection._univariate_selection.chi2",
        "sklearn.feature_selection._univariate_selection.f_classif",
        "sklearn.feature_selection._univariate_selection.f_regression",
        "sklearn.metrics._scorer._PassthroughScorer",
        "sklearn.model_selection._split.KFold",
        "sklearn.model_selection._split.StratifiedKFold",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        "sklearn.tree._tree.Tree",
        "sklearn.utils._bunch.Bunch",
    }
)
LEAF = -1


def has_sound_trees(model: BaseEstimator) -> bool:
    """Return whether the nodes of every tree in *model* point only to later nodes of that tree.

    Both builders of scikit-learn number a node's children after it, so this also excludes circles.
    """
    return all(_is_sound(part) for part in parts_of(model))


def _is_sound(part: object) -> bool:
    if isinstance(part, Tree):
        return _is_sound_tree(part)
    if isinstance(part, TreePredictor):
        return _is_sound_predictor(part)
    if isinstance(part, BaseHistGradientBoosting):
        predictors = (p for p in parts_of(part._predictors) if isinstance(p, TreePredictor))
        return all(_within(p.nodes["feature_idx"], part.n_features_in_) for p in predictors)
    width = getattr(part, "n_features_in_", None)
    return width is None or all(_within(tree.feature, width) for tree in _own_trees(part))


def _own_trees(part: object) -> Iterator[Tree]:
    """Yield the trees that *part* hands its rows to as they are."""
    if isinstance(part, BaseDecisionTree):
        yield part.tree_
    for inner in np.ravel(np.asarray(getattr(part, "estimators_", ()), dtype=object)):
        if isinstance(inner, BaseDecisionTree):
            yield inner.tree_


def _is_sound_tree(tree: Tree) -> bool:
    if not 0 < tree.node_count <= tree.capacity:
        return False
    left, right = tree.children_left, tree.children_right
    inner = left != LEAF
    return _point_onward(left, right, inner) and bool((tree.feature[inner] >= 0).all())


def _is_sound_predictor(predictor: TreePredictor) -> bool:
    nodes = predictor.nodes
    inner = nodes["is_leaf"] == 0
    sets = nodes["bitset_idx"][inner & (nodes["is_categorical"] != 0)]
    return (
        len(nodes) > 0
        and _within(sets, len(predictor.raw_left_cat_bitsets))
        and _point_onward(nodes["left"], nodes["right"], inner)
    )


def _point_onward(left: np.ndarray, right: np.ndarray, inner: np.ndarray) -> bool:
    own = np.arange(len(inner))[inner]
    return all(
        bool((side[inner] > own).all()) and _within(side[inner], len(inner))
        for side in (left.astype(np.int64), right.astype(np.int64))
    )


def _within(indices: np.ndarray, size: int) -> bool:
    return indices.size == 0 or int(indices.max()) < size
