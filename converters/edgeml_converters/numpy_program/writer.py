"""A graph as a file of the format ``numpy``."""

from collections.abc import Callable

import onnx_ir as ir

from edgeml_converters.graph import copy_model
from edgeml_converters.graph.passes import infer_shapes
from edgeml_converters.numpy_program.ensembles import ENSEMBLES
from edgeml_converters.numpy_program.learning import LEARNING, LEARNING_DOMAIN, LINEAR
from edgeml_converters.numpy_program.operators import OPERATORS
from edgeml_converters.numpy_program.program import NUMBERS, NoFormError, Program
from edgeml_runtime.errors import UnsupportedError
from edgeml_runtime.tensors import TensorSpec

_MODELS = {**ENSEMBLES, **LINEAR}
_TABLES = {"": OPERATORS, LEARNING_DOMAIN: {**LEARNING, **_MODELS}}


def is_tabular(graph: ir.Model) -> bool:
    """Return whether a graph has operators of classical machine learning, ``ai.onnx.ml``."""
    return any(node.domain == LEARNING_DOMAIN for node in graph.graph)


def write_numpy(graph: ir.Model) -> bytes:
    """Return the file of a graph.

    Raises:
        UnsupportedError: Nodes have no form in NumPy; all are listed.
    """
    program, obstacles = Program(), []
    typed = _typed(graph)
    for node in typed.graph:
        try:
            _translation(node)(node, program)
        except NoFormError as error:
            obstacles.append(f"{node.name} ({node.op_type}): {error}")
    specs = []
    for values in (typed.graph.inputs, typed.graph.outputs):
        try:
            specs.append(tuple(map(_spec, values)))
        except NoFormError as error:
            obstacles.append(str(error))
    if obstacles:
        raise UnsupportedError(
            f"{len(obstacles)} parts of the model have no form in NumPy: {'; '.join(obstacles)}.",
            "Leave numpy out of --to.",
        )
    return program.serialize(*specs)


def _typed(graph: ir.Model) -> ir.Model:
    """Return a copy with the types of all values, of which onnx infers none after trees."""
    typed = copy_model(graph)
    for node in typed.graph:
        *labels, scores = node.outputs
        if node.domain == LEARNING_DOMAIN and node.op_type in _MODELS:
            scores.type, scores.shape = ir.TensorType(ir.DataType.FLOAT), ir.Shape([None, None])
            for label in labels:
                label.shape = ir.Shape([None])
    infer_shapes(typed)
    return typed


def _translation(node: ir.Node) -> Callable[[ir.Node, Program], None]:
    translation = _TABLES.get(node.domain, {}).get(node.op_type)
    if translation is None:
        raise NoFormError("the operator has no form in NumPy here")
    return translation


def _spec(value: ir.Value) -> TensorSpec:
    dtype = "" if value.dtype is None else value.dtype.numpy().name
    if dtype not in NUMBERS or value.shape is None:
        raise NoFormError(f"'{value.name}' is {dtype or 'of no known type'}")
    shape = tuple(size if isinstance(size, int) else None for size in value.shape)
    return TensorSpec(value.name or "", shape, dtype)
