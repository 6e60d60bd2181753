"""Ensembles of trees in ONNX whose sums and comparisons end as they do in scikit-learn.

Of a forest, skl2onnx stores the share of each leaf divided by the number of trees; in float32 half
of the trees then add up to a little more or less than one half. Here leaves count in full, so that
whole votes add up exactly, and the sum is divided once. Histogram boosting compares in float64.
"""

import numpy as np
import onnx
from onnx import helper, numpy_helper
from sklearn.base import BaseEstimator
from sklearn.ensemble._forest import ForestClassifier

ENSEMBLES = ("TreeEnsembleClassifier", "TreeEnsembleRegressor")
CLASSIFIER = "TreeEnsembleClassifier"
LEAF = -1


def count_votes(model: onnx.ModelProto, forest: ForestClassifier) -> None:
    """Rewrite the one ensemble of *model*, that of *forest*: label and shares follow from votes."""
    (node,) = (node for node in model.graph.node if node.op_type == CLASSIFIER)
    label, shares = node.output
    binary = len(forest.classes_) == 2
    votes, of_second, count = f"{shares}_votes", f"{shares}_second", f"{shares}_trees"
    trees = np.array(len(forest.estimators_), np.float32)
    model.graph.initializer.append(numpy_helper.from_array(trees, count))
    rewritten = [
        _ensemble(node, forest, votes),
        helper.make_node("Div", [votes, count], [of_second if binary else shares]),
    ]
    if binary:
        one = f"{shares}_one"
        model.graph.initializer.append(numpy_helper.from_array(np.array(1, np.float32), one))
        rewritten += [
            helper.make_node("Sub", [one, of_second], [f"{shares}_first"]),
            helper.make_node("Concat", [f"{shares}_first", of_second], [shares], axis=1),
        ]
    rewritten.append(helper.make_node("ArgMax", [shares], [label], axis=1, keepdims=0))
    position = list(model.graph.node).index(node)
    del model.graph.node[position]
    for offset, new in enumerate(rewritten):
        model.graph.node.insert(position + offset, new)


def compare_float64(model: onnx.ModelProto, boosting: BaseEstimator) -> None:
    """Let the one ensemble of *model*, that of histogram *boosting*, read and compare float64."""
    (node,) = (node for node in model.graph.node if node.op_type in ENSEMBLES)
    trees = [tree for iteration in boosting._predictors for tree in iteration]
    leaf = [tree.nodes["is_leaf"] != 0 for tree in trees]
    thresholds = [
        np.where(ends, 0.0, tree.nodes["num_threshold"])
        for ends, tree in zip(leaf, trees, strict=True)
    ]
    found = {attribute.name: attribute for attribute in node.attribute}
    wide = {name: list(a.floats) for name, a in found.items() if a.floats}
    wide["nodes_values"] = np.concatenate(thresholds).tolist()
    del node.attribute[:]
    node.attribute.extend(a for name, a in found.items() if name not in wide)
    for name, values in wide.items():
        tensor = numpy_helper.from_array(np.array(values, np.float64), name)
        node.attribute.append(helper.make_attribute(f"{name}_as_tensor", tensor))
    for entry in model.opset_import:
        if entry.domain == node.domain:
            entry.version = 3


def send_holes(model: onnx.ModelProto, estimator: BaseEstimator) -> None:
    """Let NaN go the way that each tree of *estimator* sends it; skl2onnx sends all to the right.

    Args:
        model: The graph; it is left as it is unless it has one ensemble, of these very trees.
        estimator: A tree or a forest.
    """
    parts = getattr(estimator, "estimators_", [estimator])
    trees = [part.tree_ for part in np.ravel(np.array(parts, object)) if hasattr(part, "tree_")]
    nodes = [node for node in model.graph.node if node.op_type in ENSEMBLES]
    if len(nodes) != 1 or not trees:
        return
    found = {attribute.name: attribute for attribute in nodes[0].attribute}
    features = [np.where(tree.children_left == LEAF, 0, tree.feature) for tree in trees]
    if list(found["nodes_featureids"].ints) != np.concatenate(features).tolist():
        return
    left = [(tree.children_left != LEAF) & (tree.missing_go_to_left != 0) for tree in trees]
    tracked = found["nodes_missing_value_tracks_true"]
    tracked.ints[:] = np.concatenate(left).astype(int).tolist()


def _ensemble(node: onnx.NodeProto, forest: ForestClassifier, output: str) -> onnx.NodeProto:
    """Return the classifier *node* as a regressor that adds up the leaves of *forest*."""
    binary = len(forest.classes_) == 2
    attributes = {
        attribute.name.replace("class_", "target_"): helper.get_attribute_value(attribute)
        for attribute in node.attribute
        if not attribute.name.startswith("classlabels")
    }
    weights = np.concatenate([_leaves(tree.tree_, binary=binary) for tree in forest.estimators_])
    attributes["target_weights"] = weights.astype(np.float32).tolist()
    return helper.make_node(
        "TreeEnsembleRegressor",
        [node.input[0]],
        [output],
        domain=node.domain,
        n_targets=1 if binary else len(forest.classes_),
        aggregate_function="SUM",
        **attributes,
    )


def _leaves(tree: object, *, binary: bool) -> np.ndarray:
    """Return the shares of the leaves in the order of the nodes, flat; of the second of two."""
    values = tree.value[tree.children_left == LEAF, 0]  # type: ignore[attr-defined]  # a Tree
    shares = values / values.sum(axis=1, keepdims=True)
    leaves: np.ndarray = shares[:, 1] if binary else shares.ravel()
    return leaves
