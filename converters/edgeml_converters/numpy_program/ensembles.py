"""Ensembles of trees for NumPy.

How scores of two classes follow from one sum is as onnxruntime has it
(``tree_ensemble_aggregator.h``), which ONNX leaves open.
"""

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.attributes import int_attribute, string_attribute
from edgeml_converters.numpy_program.node_numbers import numbers, texts
from edgeml_converters.numpy_program.operators import dtype_of, made, sigmoid, softmax
from edgeml_converters.numpy_program.program import NoFormError, Program
from edgeml_converters.numpy_program.tree_table import leaf_values, tree_table

SUMS = np.dtype(np.float64)
"""What ``trees`` adds up in."""


def write_label(node: ir.Node, program: Program, index: str) -> None:
    """Write the label of a classifier, its first output, from the index of the class.

    A label of text stays the index; ``Program.texts`` then knows the text.
    """
    out, names = made(node), texts(node, "classlabels_strings")
    labels = [numbers(node, f"classlabels_{kind}") for kind in ("int64s", "ints")]
    values = next((found for found in labels if found.size), np.arange(0))
    if names or np.array_equal(values, np.arange(len(values))):
        program.texts[index] = names
        program.alias(index, out)
    else:
        program.step("take", values, index, out=out, axis=0)


def transformed(node: ir.Node, program: Program, scores: str, dtype: np.dtype) -> str:
    """Return the scores after the node's ``post_transform``."""
    kind = string_attribute(node, "post_transform", "NONE")
    if kind == "NONE":
        return scores
    if kind == "LOGISTIC":
        return sigmoid(program, scores, dtype)
    if kind == "SOFTMAX":
        return softmax(program, scores, 1)
    raise NoFormError(f"its post_transform is {kind}")


def _regressor(node: ir.Node, program: Program) -> None:
    targets = int_attribute(node, "n_targets", 1)
    total = _sums(node, program, "target", targets)
    kind = string_attribute(node, "aggregate_function", "SUM")
    if kind == "AVERAGE":
        count = len(set(numbers(node, "nodes_treeids").tolist()))
        total = program.step("divide", total, np.array(count, np.float64))
    elif kind != "SUM":
        raise NoFormError(f"its aggregate_function is {kind}")
    total = transformed(node, program, _with_base(node, program, total, targets), SUMS)
    program.step("array", total, out=made(node), dtype="float32")


def _classifier(node: ir.Node, program: Program) -> None:
    labels = numbers(node, "classlabels_int64s")
    classes = len(labels) or len(texts(node, "classlabels_strings"))
    used = set(numbers(node, "class_ids").tolist())
    scores = node.outputs[1].name or ""
    if classes > 2:
        total = _with_base(node, program, _sums(node, program, "class", classes), classes)
        write_label(node, program, program.step("argmax", total, axis=1))
        shares = transformed(node, program, total, SUMS)
    elif classes == 2 and used == {0}:
        total = _with_base(node, program, _sums(node, program, "class", 1), 1)
        # All positive weights add up to the probability of the second class.
        positive = bool((numbers(node, "class_weights") >= 0).all())
        limit = np.array(0.5 if positive else 0.0)
        second = program.step("array", program.step("greater", total, limit), dtype="int64")
        index = program.step("reshape", second, np.array([-1]))
        write_label(node, program, index)
        if string_attribute(node, "post_transform", "NONE") == "NONE" and positive:
            first = program.step("subtract", np.array(1.0), total)
            shares = program.step("concatenate", first, total, axis=1)
        else:
            both = program.step("concatenate", program.step("negative", total), total, axis=1)
            shares = transformed(node, program, both, SUMS)
    else:
        raise NoFormError(f"it has {classes} classes and weights for {len(used)}")
    program.step("array", shares, out=scores, dtype="float32")


def _with_base(node: ir.Node, program: Program, total: str, targets: int) -> str:
    base = numbers(node, "base_values").astype(np.float64)
    if base.size not in (0, targets):
        raise NoFormError(f"it has {base.size} base values for {targets} sums")
    return program.step("add", total, base) if base.size else total


def _sums(node: ir.Node, program: Program, prefix: str, targets: int) -> str:
    """Add the step that gives the sums of the leaves, and return its name."""
    source = node.inputs[0]
    if source is None:
        raise NoFormError("it has no input")
    rows, dtype = program.value(source), dtype_of(source)
    if dtype not in (np.float32, np.float64):
        rows, dtype = program.step("array", rows, dtype="float32"), np.dtype(np.float32)
    table = tree_table(node, dtype)
    values, leaf = leaf_values(node, prefix, targets)
    arrays = (table.roots, table.child, table.feature, table.threshold, table.missing)
    return program.step("trees", rows, *arrays, leaf[table.origin], values, depth=table.depth)


ENSEMBLES = {"TreeEnsembleClassifier": _classifier, "TreeEnsembleRegressor": _regressor}
"""Operator to what writes it."""
