"""A TensorFlow function as an ONNX model, by tf2onnx.

Knows what tf2onnx lacks: a name for each input and output, the complement of the error function,
and the gated recurrent unit, which it would write as a loop that few engines run well.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from keras.src import backend
from keras_model import Model  # type: ignore[import-not-found]  # lies beside this file
from onnx import numpy_helper
from tf2onnx.graph import Graph, Node
from tf2onnx.optimizer.transpose_optimizer import TransposeOptimizer
from worker_frames import UserError  # type: ignore[import-not-found]  # lies beside this file

OPSET = 17
MARK = "edgeml_gru"
BATCH = "N"
INPUT = "edgeml_input_{}"


def converted(spec: str, model: Model) -> onnx.ModelProto:
    """Return *model* as ONNX, its inputs and outputs called as they are in the model.

    Raises:
        UserError: TensorFlow operators are in it that have no form in ONNX; names them all.
    """
    signature = tuple(
        tf.TensorSpec(value.shape, value.dtype, INPUT.format(index))
        for index, value in enumerate(model.inputs)
    )
    function = tf.function(model.call, input_signature=signature)
    with _marked_units(), _scalars_added(), _inlined():
        captures = function.get_concrete_function().graph.captures
        graph: onnx.ModelProto = tf2onnx.convert.from_function(
            function,
            input_signature=signature,
            opset=OPSET,
            custom_op_handlers={"Erfc": (_write_erfc, []), "PyFunc": (_write_unit, [])},
        )[0]
    unknown = sorted({node.op_type for node in graph.graph.node if not _is_known(node)})
    if unknown:
        raise UserError(
            f"'{spec}' uses TensorFlow operators that have no form in ONNX: {', '.join(unknown)}.",
            "Build those parts of other layers, or do them outside the model.",
        )
    names = {INPUT.format(index): value.name for index, value in enumerate(model.inputs)}
    _store_captured(graph, names, {inner.name: outer for outer, inner in captures})
    _transpose_single_channels(graph)
    made = (value.name for value in graph.graph.output)
    _rename(graph, {**names, **dict(zip(made, model.outputs, strict=True))})
    for value in (*graph.graph.input, *graph.graph.output):
        batch = value.type.tensor_type.shape.dim[:1]
        if batch and not batch[0].HasField("dim_value"):
            batch[0].dim_param = BATCH
    onnx.checker.check_model(graph)
    return graph


def _is_known(node: onnx.NodeProto) -> bool:
    return node.domain not in ("", "ai.onnx") or onnx.defs.has(node.op_type)


def _store_captured(
    model: onnx.ModelProto, inputs: Mapping[str, str], captured: Mapping[str, Any]
) -> None:
    """Make weights of the constants that the function captured: tf2onnx lists them as inputs."""
    values = list(model.graph.input)
    del model.graph.input[:]
    model.graph.input.extend(value for value in values if value.name in inputs)
    used = {name for graph in _graphs(model.graph) for node in graph.node for name in node.input}
    for value in values:
        if value.name in used - set(inputs):
            constant = numpy_helper.from_array(captured[value.name].numpy(), value.name)
            model.graph.initializer.append(constant)


def _transpose_single_channels(model: onnx.ModelProto) -> None:
    """Write the moving of an axis of size 1 as Transpose: tf2onnx has Reshape, which hides it."""
    inferred = onnx.shape_inference.infer_shapes(model).graph
    shapes = {
        value.name: [axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in (*inferred.input, *inferred.value_info, *inferred.output)
    }
    for node in model.graph.node:
        if node.op_type != "Reshape":
            continue
        before, after = (shapes.get(name, []) for name in (node.input[0], node.output[0]))
        if len(before) != 4 or len(after) != 4:
            continue
        for channel, perm in ((3, (0, 3, 1, 2)), (1, (0, 2, 3, 1))):
            if before[channel] == 1 and after[1:] == [before[axis] for axis in perm[1:]]:
                del node.input[1:], node.attribute[:]
                node.op_type = "Transpose"
                node.attribute.append(onnx.helper.make_attribute("perm", perm))
                break


def _rename(model: onnx.ModelProto, names: dict[str, str]) -> None:
    """Rename tensors; a tensor inside that has one of the new names makes way."""
    inside = {name for node in model.graph.node for name in node.output} - set(names)
    way = {name: f"{name}_inside" for name in inside & set(names.values())}
    table = {**way, **names}
    for graph in _graphs(model.graph):
        for node in graph.node:
            for tensors in (node.input, node.output):
                tensors[:] = [table.get(name, name) for name in tensors]
        for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
            value.name = table.get(value.name, value.name)


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from _graphs(attribute.g)


def _write_erfc(graph: Graph, node: Node, _name: str, _arguments: list[Any]) -> None:
    """Write ``erfc(x)`` as ``1 - erf(x)``; ``erfc(-x)``, as in GELU, as ``1 + erf(x)``."""
    source = node.inputs[0]
    negated = source.type == "Neg"
    one = graph.make_const(f"{node.name}_one", np.float32(1))
    output, shape = node.output[0], graph.get_shape(node.output[0])
    dtype = graph.get_dtype(output)
    graph.remove_node(node.name)
    erf = graph.make_node(
        "Erf", [source.input[0] if negated else node.input[0]], dtypes=[dtype], shapes=[shape]
    )
    graph.make_node(
        "Add" if negated else "Sub",
        [one.output[0], erf.output[0]],
        outputs=[output],
        dtypes=[dtype],
        shapes=[shape],
    )


def _write_unit(graph: Graph, node: Node, _name: str, _arguments: list[Any]) -> None:
    """Write what `_marked_unit` left as ONNX's GRU."""
    token = node.get_attr_value("token").decode()
    if not token.startswith(MARK):
        return  # the user's own: told as an operator without a form
    _, units, after = token.split(":")
    source, weights, recurrent, bias, initial = node.input
    dtypes = [graph.get_dtype(name) for name in node.output]
    outputs = list(node.output)
    graph.remove_node(node.name)
    graph.make_node(
        "GRU",
        [source, weights, recurrent, bias, "", initial],
        attr={"hidden_size": int(units), "linear_before_reset": int(after)},
        outputs=outputs,
        dtypes=dtypes,
        name=tf2onnx.utils.make_name("GRU"),
    )


@contextmanager
def _marked_units() -> Iterator[None]:
    """Let Keras trace a GRU layer as one operator, in the way that it has for CUDA's."""
    original = backend.gru
    backend.gru = _marked_unit
    try:
        yield
    finally:
        backend.gru = original


def _marked_unit(  # noqa: PLR0917 - as Keras calls it
    inputs: tf.Tensor,
    initial_state: tf.Tensor,
    mask: tf.Tensor,
    kernel: tf.Tensor,
    recurrent_kernel: tf.Tensor,
    bias: tf.Tensor,
    activation: tf.Tensor,
    recurrent_activation: tf.Tensor,
    return_sequences: bool,
    go_backwards: bool,
    unroll: bool,
    reset_after: bool,
) -> tuple[Any, Any, list[Any]]:
    """Return last output, outputs and states of a GRU; Keras has the gates in ONNX's order.

    Raises:
        NotImplementedError: It has a mask or other functions; Keras then traces a loop.
    """
    plain = (keras.activations.tanh, keras.activations.sigmoid)
    if mask is not None or unroll or (activation, recurrent_activation) != plain:
        raise NotImplementedError
    units = recurrent_kernel.shape[0]
    steps = tf.transpose(inputs, (1, 0, 2))  # (time, batch, features)
    steps = tf.reverse(steps, (0,)) if go_backwards else steps
    biases = tf.zeros((2, 3 * units)) if bias is None else tf.convert_to_tensor(bias)
    if biases.shape.rank == 1:
        biases = tf.stack((biases, tf.zeros_like(biases)))
    outputs, last = tf.raw_ops.PyFunc(
        input=(
            steps,
            tf.transpose(tf.convert_to_tensor(kernel))[None],
            tf.transpose(tf.convert_to_tensor(recurrent_kernel))[None],
            tf.reshape(biases, (1, 6 * units)),
            initial_state[None],
        ),
        token=f"{MARK}:{units}:{int(reset_after)}",
        Tout=(tf.float32, tf.float32),
    )
    batch, time = inputs.shape[0], inputs.shape[1]
    last = tf.squeeze(tf.ensure_shape(last, (1, batch, units)), 0)
    if return_sequences:
        outputs = tf.squeeze(tf.ensure_shape(outputs, (time, 1, batch, units)), 1)
        outputs = tf.transpose(outputs, (1, 0, 2))
    else:
        outputs = last[:, None]
    return last, outputs, [last]


@contextmanager
def _scalars_added() -> Iterator[None]:
    """Let tf2onnx move a Transpose past the addition of a scalar, on which it fails otherwise."""
    original = TransposeOptimizer._add_handler

    def add(self: TransposeOptimizer, trans: Node, node: Node) -> bool:
        constants = (n.get_tensor_value(as_list=False) for n in node.inputs if n.is_const())
        if any(constant.ndim == 0 for constant in constants):
            return bool(self._switch_transpose_and_node(node, trans))
        return bool(original(self, trans, node))

    TransposeOptimizer._add_handler = add
    try:
        yield
    finally:
        TransposeOptimizer._add_handler = original


@contextmanager
def _inlined() -> Iterator[None]:
    """Let Keras trace convolutions in groups as they are, where it asks XLA to compile them."""
    original = tf.function

    def function(*arguments: object, **options: object) -> object:
        options.pop("jit_compile", None)
        return original(*arguments, **options)

    tf.function = function
    try:
        yield
    finally:
        tf.function = original
