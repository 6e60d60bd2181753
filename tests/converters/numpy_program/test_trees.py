"""Ensembles of trees: the program answers as onnxruntime does, whatever the trees ask."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from edgeml_converters.numpy_program import is_tabular, write_numpy
from edgeml_runtime.engines import open_engine
from edgeml_runtime.errors import UnsupportedError

FEATURES = 3
# Where values lie on thresholds, next to them, or are none.
NUMBERS = (-np.inf, -1.5, -0.0, 0.0, np.nextafter(np.float32(0.1), np.float32(0)), 0.1, 2.0, np.inf)
COMPARISONS = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GT", "BRANCH_GTE")


@dataclass
class Trees:
    """The attributes of an ensemble under construction."""

    random: np.random.Generator
    comparisons: tuple[str, ...]

    def __post_init__(self) -> None:
        self.nodes: dict[str, list[object]] = {
            name: []
            for name in (
                *("treeids", "nodeids", "featureids", "modes", "values", "truenodeids"),
                *("falsenodeids", "missing_value_tracks_true"),
            )
        }
        self.leaves: list[tuple[int, int]] = []

    def grow(self, tree: int, depth: int) -> None:
        """Add a tree, each node listed before its children."""
        rows: list[tuple[object, ...]] = []

        def add(level: int) -> int:
            own = len(rows)
            rows.append(())
            inner = level < depth and (level == 0 or self.random.random() < 0.7)
            children = (add(level + 1), add(level + 1)) if inner else (0, 0)
            mode = str(self.random.choice(self.comparisons)) if inner else "LEAF"
            rows[own] = (
                tree,
                own,
                int(self.random.integers(FEATURES)) if inner else 0,
                mode,
                float(self.random.choice(NUMBERS[1:-1])) if inner else 0.0,
                *children,
                int(self.random.integers(2)) if inner else 0,
            )
            if not inner:
                self.leaves.append((tree, own))
            return own

        add(0)
        for values, column in zip(self.nodes.values(), zip(*rows, strict=True), strict=True):
            values.extend(column)

    def attributes(self, prefix: str, targets: int, *, positive: bool) -> dict[str, Any]:
        """Return the attributes of nodes and leaves; the weights are whole, so that sums are."""
        low = 0 if positive else -3
        keys = [(leaf, target) for leaf in self.leaves for target in range(targets)]
        weights = self.random.integers(low, 4, len(keys)).astype(float)
        if not positive:
            weights[0] = -1.0
        return {
            **{f"nodes_{name}": values for name, values in self.nodes.items()},
            f"{prefix}_treeids": [tree for (tree, _), _ in keys],
            f"{prefix}_nodeids": [node for (_, node), _ in keys],
            f"{prefix}_ids": [target for _, target in keys],
            f"{prefix}_weights": weights.tolist(),
        }


def model(op_type: str, outputs: list[tuple[str, int, int]], attributes: dict[str, Any]) -> bytes:
    """Return a model of one ensemble."""
    node = helper.make_node(
        op_type, ["rows"], [name for name, _, _ in outputs], domain="ai.onnx.ml", **attributes
    )
    graph = helper.make_graph(
        [node],
        "trees",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["N", FEATURES])],
        [
            helper.make_tensor_value_info(name, kind, ["N"] if width == 0 else ["N", width])
            for name, kind, width in outputs
        ],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())


def assert_same(data: bytes, rows: np.ndarray, tolerance: float = 0.0) -> None:
    """Check that the program of a model answers as onnxruntime, on all rows and on each."""
    expected = open_engine("onnxruntime", data).run({"rows": rows})
    graph = ir.from_proto(onnx.ModelProto.FromString(data))
    engine = open_engine("numpy", write_numpy(graph))
    found = engine.run({"rows": rows})
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_allclose(found[name], value, rtol=0, atol=tolerance, err_msg=name)
    alone = engine.run({"rows": rows[:1]})
    for name in expected:
        np.testing.assert_array_equal(alone[name], found[name][:1])


def draw_rows(random: np.random.Generator) -> np.ndarray:
    """Return rows of values on thresholds, beside them, and NaN."""
    return random.choice(np.array([*NUMBERS, np.nan], np.float32), (40, FEATURES))


@given(seed=st.integers(0, 2**32), trees=st.integers(1, 5), targets=st.integers(1, 3))
def test_any_trees_of_a_regressor(seed: int, trees: int, targets: int) -> None:
    random = np.random.default_rng(seed)
    # onnxruntime takes another way for trees that all compare alike.
    ensemble = Trees(random, COMPARISONS if seed % 2 else (COMPARISONS[seed % 4],))
    for tree in range(trees):
        ensemble.grow(tree, depth=1 + seed % 4)
    attributes = ensemble.attributes("target", targets, positive=False)
    data = model(
        "TreeEnsembleRegressor",
        [("sums", TensorProto.FLOAT, targets)],
        {**attributes, "n_targets": targets, "base_values": [0.5] * targets},
    )
    assert_same(data, draw_rows(random))


@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize("transform", ["NONE", "LOGISTIC"])
@given(seed=st.integers(0, 2**32))
def test_any_trees_of_two_classes(seed: int, transform: str, *, positive: bool) -> None:
    random = np.random.default_rng(seed)
    ensemble = Trees(random, COMPARISONS[:1])
    for tree in range(3):
        ensemble.grow(tree, depth=3)
    data = model(
        "TreeEnsembleClassifier",
        [("label", TensorProto.INT64, 0), ("scores", TensorProto.FLOAT, 2)],
        {
            **ensemble.attributes("class", 1, positive=positive),
            "classlabels_int64s": [7, 4],
            "post_transform": transform,
        },
    )
    assert_same(data, draw_rows(random), 1e-6)


@pytest.mark.parametrize("transform", ["NONE", "LOGISTIC", "SOFTMAX"])
@given(seed=st.integers(0, 2**32))
def test_any_trees_of_three_classes(seed: int, transform: str) -> None:
    random = np.random.default_rng(seed)
    ensemble = Trees(random, COMPARISONS[:1])
    for tree in range(3):
        ensemble.grow(tree, depth=3)
    data = model(
        "TreeEnsembleClassifier",
        [("label", TensorProto.INT64, 0), ("scores", TensorProto.FLOAT, 3)],
        {
            **ensemble.attributes("class", 3, positive=False),
            "classlabels_int64s": [0, 1, 2],
            "post_transform": transform,
        },
    )
    assert_same(data, draw_rows(random), 1e-6)


def _small(comparison: str = "BRANCH_LEQ", **changes: object) -> bytes:
    ensemble = Trees(np.random.default_rng(0), (comparison,))
    ensemble.grow(0, depth=2)
    attributes = {**ensemble.attributes("target", 1, positive=False), "n_targets": 1, **changes}
    return model("TreeEnsembleRegressor", [("sums", TensorProto.FLOAT, 1)], attributes)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (_small(aggregate_function="MAX"), "aggregate_function is MAX"),
        (_small(post_transform="PROBIT"), "post_transform is PROBIT"),
        (_small("BRANCH_EQ"), "compare by BRANCH_EQ"),
        (_small(target_ids=[1, 1, 1]), "values for what is not there"),
        (_small(nodes_falsenodeids=[9, 3, 0, 0, 6, 0, 0]), "point to what is not there"),
        (_small(nodes_falsenodeids=[4, 3, 0, 0, 1, 0, 0]), "share nodes"),
        (_small(nodes_falsenodeids=[4, 3, 0, 0, 0, 0, 0]), "make no trees"),
        (_small(nodes_falsenodeids=[1]), "1 nodes_falsenodeids"),
    ],
)
def test_what_has_no_form_is_refused_by_name(data: bytes, words: str) -> None:
    graph = ir.from_proto(onnx.ModelProto.FromString(data))
    assert is_tabular(graph)
    with pytest.raises(UnsupportedError, match=words) as caught:
        write_numpy(graph)
    assert "numpy" in caught.value.remedy
