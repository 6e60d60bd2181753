"""The nodes of an ensemble of trees as one table, in the order that ``Trees`` walks.

The operator asks one question: is a value above a threshold? What ONNX asks otherwise is put that
way, with the same answer for every value. The two children of a node stand side by side.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import onnx_ir as ir

from edgeml_converters.numpy_program.node_numbers import numbers, texts
from edgeml_converters.numpy_program.program import NoFormError

_ABOVE_IS_TRUE: Final = {
    "BRANCH_LEQ": False,
    "BRANCH_LT": False,
    "BRANCH_GT": True,
    "BRANCH_GTE": True,
}
_STRICT: Final = {"BRANCH_LT", "BRANCH_GTE"}  # below a threshold is: not above the number before it
_LEAF: Final = "LEAF"
_LARGEST_NODES: Final = 1 << 21

_Children = list[tuple[int, int] | None]


@dataclass(frozen=True)
class TreeTable:
    """The arrays of ``Trees``, one entry a node but in ``roots``.

    Args:
        roots: The first node of each tree.
        child: The node to go to where the value is not above the threshold; a leaf is its own.
        feature: The column that is compared.
        threshold: In the type of the values; NaN in leaves.
        missing: Whether NaN goes to the node after ``child``.
        origin: Where the node stands in the attributes.
        depth: The longest way from a root to a leaf.
    """

    roots: np.ndarray
    child: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    missing: np.ndarray
    origin: np.ndarray
    depth: int


def tree_table(node: ir.Node, dtype: np.dtype) -> TreeTable:
    """Return the table of an ensemble.

    Args:
        node: A TreeEnsembleRegressor or TreeEnsembleClassifier.
        dtype: The type of the values that are compared.

    Raises:
        NoFormError: It compares otherwise, or its nodes make no trees.
    """
    modes = texts(node, "nodes_modes")
    thresholds = numbers(node, "nodes_values").astype(dtype)
    inner = np.array([mode != _LEAF for mode in modes])
    unknown = sorted(set(modes) - {*_ABOVE_IS_TRUE, _LEAF})
    if unknown or np.isnan(thresholds[inner]).any():
        raise NoFormError(f"its trees compare by {', '.join(unknown) or 'NaN'}")
    if len(modes) > _LARGEST_NODES:
        raise NoFormError(f"its trees have {len(modes)} nodes")
    strict = np.array([mode in _STRICT for mode in modes])
    above = np.array([_ABOVE_IS_TRUE.get(mode, False) for mode in modes])
    thresholds = np.where(strict, np.nextafter(thresholds, dtype.type(-np.inf)), thresholds)
    tracked = numbers(node, "nodes_missing_value_tracks_true") > 0
    tracked = tracked if tracked.size else np.zeros(len(modes), np.bool_)
    roots, origin, child, depth = _walked(_children(node, modes))
    return TreeTable(
        roots=roots,
        child=child,
        feature=_narrow(np.where(inner, numbers(node, "nodes_featureids"), 0)[origin]),
        threshold=np.where(inner, thresholds, dtype.type(np.nan))[origin],
        missing=(inner & (tracked == above)).astype(np.uint8)[origin],
        origin=origin,
        depth=depth,
    )


def leaf_values(node: ir.Node, prefix: str, targets: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the different rows of values, and for each node of the attributes which row it has.

    Args:
        node: The ensemble.
        prefix: ``target`` or ``class``, of its attributes.
        targets: How many values a row has.

    Raises:
        NoFormError: A leaf is not there, or has a value for what is no target.
    """
    place = _places(node)
    keys = _keys(node, f"{prefix}_treeids", f"{prefix}_nodeids")
    columns = numbers(node, f"{prefix}_ids").astype(np.int64)
    if not place.keys() >= set(keys) or columns.max(initial=0) >= targets:
        raise NoFormError("its trees have values for what is not there")
    rows = np.array([place[key] for key in keys], np.int64)
    sums = np.zeros((len(place), targets))
    np.add.at(sums, (rows, columns), numbers(node, f"{prefix}_weights").astype(np.float64))
    values, leaf = np.unique(sums, axis=0, return_inverse=True)
    exact = values.astype(np.float32)
    return exact if np.array_equal(exact, values) else values, _narrow(leaf.reshape(-1))


def _children(node: ir.Node, modes: tuple[str, ...]) -> _Children:
    """Return for each node the two to go to: not above, and above; None for a leaf."""
    place = _places(node)
    true = _keys(node, "nodes_treeids", "nodes_truenodeids")
    false = _keys(node, "nodes_treeids", "nodes_falsenodeids")
    children: _Children = []
    for mode, yes, no in zip(modes, true, false, strict=True):
        if mode == _LEAF:
            children.append(None)
        elif yes not in place or no not in place:
            raise NoFormError("its trees point to what is not there")
        else:
            sides = (no, yes) if _ABOVE_IS_TRUE[mode] else (yes, no)
            children.append((place[sides[0]], place[sides[1]]))
    return children


def _walked(children: _Children) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Return the roots, the origin and first child of each node, and the depth, level by level."""
    below = [index for pair in children if pair for index in pair]
    level = sorted(set(range(len(children))) - set(below))
    roots, depth = len(level), -1
    origin: list[int] = []
    child: list[int] = []
    while level:
        depth += 1
        place = len(origin) + len(level)
        origin += level
        following: list[int] = []
        for index in level:
            pair = children[index]
            child.append(len(child) if pair is None else place + len(following))
            following += pair or ()
        level = following
        if len(origin) > len(children):
            raise NoFormError("its trees share nodes")
    if len(origin) != len(children) or not children:
        raise NoFormError("its nodes make no trees")
    return (
        np.arange(roots, dtype=np.int32),
        np.array(origin, np.int64),
        np.array(child, np.int32),
        depth,
    )


def _places(node: ir.Node) -> dict[tuple[int, int], int]:
    keys = _keys(node, "nodes_treeids", "nodes_nodeids")
    return {key: index for index, key in enumerate(keys)}


def _keys(node: ir.Node, trees: str, nodes: str) -> list[tuple[int, int]]:
    pair = numbers(node, trees).tolist(), numbers(node, nodes).tolist()
    if len(pair[0]) != len(pair[1]):
        raise NoFormError(f"it has {len(pair[0])} {trees} and {len(pair[1])} {nodes}")
    return list(zip(*pair, strict=True))


def _narrow(array: np.ndarray) -> np.ndarray:
    """Return whole numbers in the smallest type that holds them."""
    return array.astype(np.min_scalar_type(int(array.max(initial=0))))
