"""Computes what does not depend on the inputs, with the operators of `onnx.reference`."""

from collections.abc import Iterator

import numpy as np
import onnx
import onnx_ir as ir
from onnx.reference import ReferenceEvaluator

from edgeml_converters.graph.attributes import int_attribute
from edgeml_converters.graph.constants import constant_array, static_shape

# DequantizeLinear of weights is what makes a graph a quantized one. The rest has no fixed result.
_KEPT = frozenset(
    {
        "Bernoulli",
        "DequantizeLinear",
        "Dropout",
        "Multinomial",
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
    }
)

# What the reference raises for an operator that it lacks (a RuntimeError) or for inputs that do not
# fit: the node stays, so that the engine says what is wrong with it.
_REFUSALS = (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)


def fold_constants(
    model: ir.Model, largest_constant_bytes: int | None = None, *, outputs: bool = False
) -> bool:
    """Replace nodes of known result by constants, shapes of known tensors included.

    Args:
        model: The model to change.
        largest_constant_bytes: A result that is larger than this and than the node's inputs stays
            computed; ``None`` folds all.
        outputs: Whether outputs of the graph may become constants too.
    """
    folded = False
    for node in list(model.graph):
        if not _is_foldable(node, outputs=outputs):
            continue
        results = list(_results(node, model))
        if not results or not _fits(node, results, largest_constant_bytes):
            continue
        for output, array in zip(_named_outputs(node), results, strict=True):
            _replace(model.graph, output, array)
        model.graph.remove(node, safe=True)
        folded = True
    return folded


def _named_outputs(node: ir.Node) -> list[ir.Value]:
    """Return the outputs that are not left out."""
    return [output for output in node.outputs if output.name]


def _is_foldable(node: ir.Node, *, outputs: bool) -> bool:
    if node.domain or node.op_type in _KEPT:
        return False
    if not outputs and any(output.is_graph_output() for output in node.outputs):
        return False
    if any(value is not None and value.dtype == ir.DataType.STRING for value in node.inputs):
        return False
    return not any(
        attribute.type in {ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS}
        for attribute in node.attributes.values()
    )


def _results(node: ir.Node, model: ir.Model) -> Iterator[np.ndarray]:
    """Yield the array of every named output, or nothing when they are not known."""
    if node.op_type in {"Shape", "Size"}:
        yield from _shape_result(node)
        return
    if node.op_type == "CastLike":
        yield from _cast_result(node)
        return
    feeds: dict[str, np.ndarray] = {}
    for value in node.inputs:
        if value is not None:
            array = constant_array(value)
            if array is None:
                return
            feeds[str(value.name)] = array
    yield from _evaluate(node, feeds, model)


def _cast_result(node: ir.Node) -> Iterator[np.ndarray]:
    """Yield what CastLike makes of a constant: of the other input it takes the type only."""
    source, like = node.inputs
    array = None if source is None else constant_array(source)
    dtype = None if like is None else like.dtype
    if array is not None and dtype is not None and dtype != ir.DataType.STRING:
        yield array.astype(dtype.numpy())


def _shape_result(node: ir.Node) -> Iterator[np.ndarray]:
    source = node.inputs[0]
    assert source is not None
    shape = static_shape(source)
    if shape is None:
        return
    if node.op_type == "Size":
        yield np.array(np.prod(shape, dtype=np.int64))
        return
    end = int_attribute(node, "end", len(shape))
    yield np.array(shape[int_attribute(node, "start", 0) : end], np.int64)


def _evaluate(node: ir.Node, feeds: dict[str, np.ndarray], model: ir.Model) -> Iterator[np.ndarray]:
    proto = ir.to_proto(node)
    graph = onnx.helper.make_graph(
        [proto],
        "folded",
        [onnx.ValueInfoProto(name=name) for name in feeds],
        [onnx.ValueInfoProto(name=str(output.name)) for output in _named_outputs(node)],
    )
    opsets = [onnx.helper.make_opsetid("", model.opset_imports.get("", 1))]
    try:
        evaluator = ReferenceEvaluator(onnx.helper.make_model(graph, opset_imports=opsets))
        results = evaluator.run(None, feeds)
    except _REFUSALS:
        return
    if all(_is_tensor(result) for result in results):
        yield from map(np.asarray, results)


def _is_tensor(result: object) -> bool:
    """Whether a result is numbers: a sequence, an absent optional or text stays computed."""
    return isinstance(result, (np.ndarray, np.generic)) and result.dtype.kind not in "OSU"


def _fits(node: ir.Node, results: list[np.ndarray], largest_bytes: int | None) -> bool:
    if largest_bytes is None or node.op_type == "Constant":
        return True
    given = sum(
        value.const_value.nbytes
        for value in node.inputs
        if value is not None and value.const_value is not None
    )
    return sum(result.nbytes for result in results) <= max(largest_bytes, given)


def _replace(graph: ir.Graph, output: ir.Value, array: np.ndarray) -> None:
    name = output.name
    output.name = f"{name}/folded"  # the name goes to the constant; this value dies with its node
    tensor = ir.Tensor(np.ascontiguousarray(array) if array.ndim else array)
    constant = ir.Value(
        name=name,
        shape=ir.Shape(array.shape),
        type=ir.TensorType(tensor.dtype),
        const_value=tensor,
    )
    graph.register_initializer(constant)
    output.replace_all_uses_with(constant, replace_graph_outputs=True)
