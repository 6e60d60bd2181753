"""How linear models and the preparation of tables are written for NumPy.

These are operators of ``ai.onnx.ml``; each becomes a few plain steps.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.attributes import float_attribute, int_attribute, string_attribute
from edgeml_converters.numpy_program.ensembles import transformed, write_label
from edgeml_converters.numpy_program.node_numbers import numbers, texts
from edgeml_converters.numpy_program.operators import (
    Translation,
    dtype_of,
    made,
    rank_of,
    reads,
)
from edgeml_converters.numpy_program.program import NoFormError, Program

LEARNING_DOMAIN: Final = "ai.onnx.ml"


def _float32(node: ir.Node, program: Program) -> str:
    """Return the input as float32, which these operators compute in."""
    name = reads(node, program)[0]
    if dtype_of(node.inputs[0]) == np.float32:
        return name
    return program.step("array", name, dtype="float32")


def _scaler(node: ir.Node, program: Program) -> None:
    shifted = program.step("subtract", _float32(node, program), numbers(node, "offset"))
    program.step("multiply", shifted, numbers(node, "scale"), out=made(node))


def _normalizer(node: ir.Node, program: Program) -> None:
    rows, norm = _float32(node, program), string_attribute(node, "norm", "MAX")
    if norm not in ("L1", "L2"):
        raise NoFormError(f"its norm is {norm}")
    sizes = program.step("multiply", rows, rows) if norm == "L2" else program.step("abs", rows)
    size = program.step("sum", sizes, axis=1, keepdims=True)
    size = program.step("sqrt", size) if norm == "L2" else size
    empty = program.step("equal", size, np.array(0, np.float32))
    size = program.step("where", empty, np.array(1, np.float32), size)
    program.step("divide", rows, size, out=made(node))


def _imputer(node: ir.Node, program: Program) -> None:
    name, dtype = reads(node, program)[0], dtype_of(node.inputs[0])
    whole = dtype.kind == "i"
    values = numbers(node, "imputed_value_int64s" if whole else "imputed_value_floats")
    replaced = np.array(
        int_attribute(node, "replaced_value_int64", 0)
        if whole
        else float_attribute(node, "replaced_value_float", 0.0),
        dtype,
    )
    gone = (
        program.step("isnan", name)
        if not whole and np.isnan(replaced)
        else program.step("equal", name, replaced)
    )
    program.step("where", gone, values.astype(dtype), name, out=made(node))


def _one_hot(node: ir.Node, program: Program) -> None:
    categories = numbers(node, "cats_int64s")
    if not categories.size or int_attribute(node, "zeros", 1) != 1:
        raise NoFormError("its categories are text, or others are refused")
    # Numbers between whole ones are rounded towards zero first, as onnxruntime does it.
    whole = program.step("array", reads(node, program)[0], dtype="int64")
    column = program.step("expand_dims", whole, axis=rank_of(node.inputs[0]))
    found = program.step("equal", column, categories)
    program.step("array", found, out=made(node), dtype="float32")


def _extractor(node: ir.Node, program: Program) -> None:
    rows, index = reads(node, program)
    if rank_of(node.inputs[0]) == 1:
        rows = program.step("expand_dims", rows, axis=0)
    flat = program.step("reshape", index, np.array([-1]))
    program.step("take", rows, flat, out=made(node), axis=-1)


def _encoder(node: ir.Node, program: Program) -> None:
    known = program.texts.get(reads(node, program)[0])
    keys = next((k for k in (numbers(node, f"keys_{t}") for t in _ENCODED) if k.size), None)
    values = next((v for v in (numbers(node, f"values_{t}") for t in _ENCODED) if v.size), None)
    if values is None:
        raise NoFormError("it gives text")
    whole = values.dtype == np.int64
    default = (
        int_attribute(node, "default_int64", -1)
        if whole
        else float_attribute(node, "default_float", -0.0)
    )
    if known:
        table = dict(zip(texts(node, "keys_strings"), values.tolist(), strict=True))
        rows = np.array([table.get(text, default) for text in known], values.dtype)
        program.step("take", rows, reads(node, program)[0], out=made(node), axis=0)
        return
    if keys is None:
        raise NoFormError("it reads text")
    # Row 0 is that of no key; each key adds its own number to it.
    column = program.step("expand_dims", reads(node, program)[0], axis=rank_of(node.inputs[0]))
    numbered = np.arange(1.0, len(keys) + 1)
    found = program.step("array", program.step("equal", column, keys), dtype="float64")
    place = program.step("array", program.step("matmul", found, numbered), dtype="int64")
    rows = np.concatenate([np.array([default], values.dtype), values])
    program.step("take", rows, place, out=made(node), axis=0)


def _regressor(node: ir.Node, program: Program) -> None:
    total = _linear(node, program, int_attribute(node, "targets", 1))
    program.step(
        "reshape", transformed(node, program, total, _FLOAT32), np.array([0, -1]), out=made(node)
    )


def _classifier(node: ir.Node, program: Program) -> None:
    classes = len(numbers(node, "classlabels_ints")) or len(texts(node, "classlabels_strings"))
    rows = len(numbers(node, "intercepts"))
    if classes < 2 or rows != classes:
        raise NoFormError(f"it has {classes} classes and {rows} sums")
    total = _linear(node, program, classes)
    write_label(node, program, program.step("argmax", total, axis=1))
    shares = transformed(node, program, total, _FLOAT32)
    program.step("reshape", shares, np.array([0, -1]), out=node.outputs[1].name)


def _linear(node: ir.Node, program: Program, targets: int) -> str:
    weights = numbers(node, "coefficients").reshape(targets, -1).T
    total = program.step("matmul", _float32(node, program), weights)
    bias = numbers(node, "intercepts")
    return program.step("add", total, bias) if bias.size else total


_FLOAT32: Final = np.dtype(np.float32)
_ENCODED: Final = ("int64s", "floats")

LEARNING: Final[Mapping[str, Translation]] = {
    "ArrayFeatureExtractor": _extractor,
    "Imputer": _imputer,
    "LabelEncoder": _encoder,
    "Normalizer": _normalizer,
    "OneHotEncoder": _one_hot,
    "Scaler": _scaler,
}
"""Operator to what writes it."""

LINEAR: Final[Mapping[str, Translation]] = {
    "LinearClassifier": _classifier,
    "LinearRegressor": _regressor,
}
"""The same for models: what they give is float32, after labels if there are any."""
