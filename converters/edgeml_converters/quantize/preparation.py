"""Brings a float graph into the operators that have an int8 form, before it is planned.

What an exporter spelled out in arithmetic is one operator in integers, which rounds once, and what
onnxruntime has no integer kernel for is another that it has. Tensors that stay keep their names, so
that ranges seen before hold; no tensor is new.
"""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from edgeml_converters.graph import copy_model
from edgeml_converters.graph.attributes import (
    axes,
    constant_input,
    float_attribute,
    input_value,
    int_attribute,
    string_attribute,
)
from edgeml_converters.graph.node_builder import NodeBuilder
from edgeml_converters.graph.passes.recognize_activations import recognize_activations
from edgeml_converters.quantize.opset import raise_opset
from edgeml_runtime.errors import UnsupportedError

_HARD_SWISH_OPSET = 14
_GELU_OPSET = 20
_IMAGE_RANKS = (3, 4)


def raised_for_int8(model: ir.Model, least_opset: int) -> ir.Model:
    """Return a copy of *model* with an opset of at least *least_opset*.

    Where it holds a Gelu that was spelled out, that is the opset which has it whole: onnxruntime
    has a kernel for that, and none for its parts once each of them reads integers. A model that
    cannot be raised so far keeps them.

    Raises:
        UnsupportedError: It cannot be raised to *least_opset*.
    """
    result = copy_model(model)
    if result.opset_imports.get("", _GELU_OPSET) < _GELU_OPSET and _holds_gelu(result):
        try:
            return raise_opset(result, max(least_opset, _GELU_OPSET))
        except UnsupportedError:
            result = copy_model(model)
    return raise_opset(result, least_opset)


def _holds_gelu(model: ir.Model) -> bool:
    if all(node.op_type != "Erf" for node in model.graph):
        return False
    twin = copy_model(model)
    recognize_activations(twin)
    return any(node.op_type == "Gelu" for node in twin.graph)


def prepare_int8(model: ir.Model) -> None:
    """Rewrite the main graph of *model* in place; it may hold operators newer than its opset.

    :func:`spell_activations` takes these out again.
    """
    recognize_activations(model)
    for node in list(model.graph):
        rewrite = _REWRITES.get(node.op_type)
        if rewrite is None or node.domain:
            continue
        build = NodeBuilder(model.graph, node)
        result = rewrite(build, node)
        if result is not None:
            _replace(build, node, result)
    RemoveUnusedNodesPass()(model)


def _replace(build: NodeBuilder, node: ir.Node, result: ir.Value) -> None:
    maker = result.producer()
    name = node.name
    build.replace(node, [result])
    if maker is not None:
        maker.name = name


def _by_constant(node: ir.Node) -> np.ndarray | None:
    """Return the float second operand of *node* if that is constant and finite."""
    array = constant_input(node, 1)
    fits = array is not None and array.dtype == np.float32 and bool(np.isfinite(array).all())
    return array if fits else None


def _quotient(build: NodeBuilder, node: ir.Node) -> ir.Value | None:
    divisor, source = _by_constant(node), input_value(node, 0)
    if divisor is None or source is None or not divisor.all():
        return None
    with np.errstate(over="ignore"):
        factor = np.float32(1) / divisor
    if not np.isfinite(factor).all():
        return None
    return build.op("Mul", source, build.constant(np.asarray(factor)))


def _difference(build: NodeBuilder, node: ir.Node) -> ir.Value | None:
    taken, source = _by_constant(node), input_value(node, 0)
    if taken is None or source is None:
        return None
    return build.op("Add", source, build.constant(np.asarray(-taken)))


def _negative(build: NodeBuilder, node: ir.Node) -> ir.Value | None:
    source = input_value(node, 0)
    if source is None or source.dtype != ir.DataType.FLOAT:
        return None
    return build.op("Mul", source, build.constant(np.array(-1.0)))


def _pooled(build: NodeBuilder, node: ir.Node) -> ir.Value | None:
    """Write a mean over an image as the pool that onnxruntime has an integer kernel for."""
    source, over = input_value(node, 0), axes(node)
    rank = None if source is None or source.shape is None else source.shape.rank()
    if source is None or rank not in _IMAGE_RANKS or over is None:
        return None
    whole = {axis % rank for axis in over} == set(range(2, rank))
    kept = bool(int_attribute(node, "keepdims", 1))
    return build.op("GlobalAveragePool", source) if whole and kept else None


def _normalized(build: NodeBuilder, node: ir.Node) -> ir.Value | None:
    """Write a batch normalization as a convolution of each channel with one weight."""
    source = input_value(node, 0)
    parameters = [constant_input(node, index) for index in range(1, 5)]
    shape = None if source is None else source.shape
    if source is None or shape is None or shape.rank() not in _IMAGE_RANKS:
        return None
    if int_attribute(node, "training_mode", 0) or source.dtype != ir.DataType.FLOAT:
        return None
    scale, offset, mean, variance = parameters
    if scale is None or offset is None or mean is None or variance is None:
        return None
    factor = scale / np.sqrt(variance.astype(np.float64) + float_attribute(node, "epsilon", 1e-5))
    spatial = shape.rank() - 2
    weights = build.constant(factor.reshape(-1, 1, *(1,) * spatial))
    bias = build.constant(offset - mean * factor)
    kernel = [1] * spatial
    return build.op("Conv", source, weights, bias, group=len(factor), kernel_shape=kernel)


_REWRITES: dict[str, Callable[[NodeBuilder, ir.Node], ir.Value | None]] = {
    "BatchNormalization": _normalized,
    "Div": _quotient,
    "Neg": _negative,
    "ReduceMean": _pooled,
    "Sub": _difference,
}


def spell_activations(model: ir.Model) -> None:
    """Write HardSwish and Gelu as what they are made of, where the opset of *model* lacks them."""
    opset = model.opset_imports.get("", _GELU_OPSET)
    for node in list(model.graph):
        first, spell = _SPELLINGS.get(node.op_type, (0, None))
        if spell is not None and opset < first and not node.domain:
            build = NodeBuilder(model.graph, node)
            _replace(build, node, spell(build, node))


def _spelled_hard_swish(build: NodeBuilder, node: ir.Node) -> ir.Value:
    source = node.inputs[0]
    assert source is not None
    gate = build.op("HardSigmoid", source, alpha=1 / 6, beta=0.5)
    return build.op("Mul", source, gate)


def _spelled_gelu(build: NodeBuilder, node: ir.Node) -> ir.Value:
    source = node.inputs[0]
    assert source is not None
    assert string_attribute(node, "approximate", "none") == "none"
    scaled = build.op("Mul", source, build.constant(np.array(np.sqrt(0.5))))
    share = build.op("Add", build.op("Erf", scaled), build.constant(np.array(1.0)))
    return build.op("Mul", build.op("Mul", source, share), build.constant(np.array(0.5)))


_SPELLINGS: dict[str, tuple[int, Callable[[NodeBuilder, ir.Node], ir.Value]]] = {
    "Gelu": (_GELU_OPSET, _spelled_gelu),
    "HardSwish": (_HARD_SWISH_OPSET, _spelled_hard_swish),
}
