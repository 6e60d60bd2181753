"""How a network begins: its own normalization of the input, and its first convolution.

Reads the graph only; must not know samples or limits.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph import copy_model, serialize_onnx
from edgeml_converters.graph.constants import constant_array
from edgeml_converters.graph.surgery import sole_reader
from edgeml_runtime.engines import Engine, open_engine

_MOVES = frozenset({"Cast", "Identity", "Pad", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})
_AFFINE = frozenset({"Add", "BatchNormalization", "Div", "Mul", "Sub"})
_ACTIVATIONS = frozenset(
    {
        "Add",
        "Clip",
        "Conv",
        "Elu",
        "Gelu",
        "HardSigmoid",
        "HardSwish",
        "LeakyRelu",
        "MaxPool",
        "Mul",
        "PRelu",
        "Relu",
        "Sigmoid",
        "Swish",
        "Tanh",
    }
)
"""What reads a layer whose scale training has settled; another normalization may undo any scale."""

_FIRST = "edgeml_first_layer"


@dataclass(frozen=True)
class Affine:
    """``scale * value + shift``, as means over the channels."""

    scale: float = 1.0
    shift: float = 0.0

    @property
    def identity(self) -> bool:
        """Whether it changes nothing."""
        return self.scale == 1.0 and self.shift == 0.0


@dataclass(frozen=True)
class NetworkEntry:
    """The beginning of a network with one image as input.

    Args:
        normalization: What the network does with the image before it multiplies it by weights.
        first_layer: The name of the value behind the first convolution, its bias and its batch
            normalization; None where there is none, or another kind of normalization follows.
        convolutions: How many there are.
        batch_normalized: Whether a batch normalization is left in the graph.
    """

    normalization: Affine
    first_layer: str | None
    convolutions: int
    batch_normalized: bool


def read_entry(model: ir.Model) -> NetworkEntry:
    """Return how *model* begins."""
    graph = model.graph
    types = [node.op_type for node in graph]
    return NetworkEntry(
        normalization=_normalization(graph.inputs[0]),
        first_layer=_first_layer(graph),
        convolutions=types.count("Conv"),
        batch_normalized="BatchNormalization" in types,
    )


def open_first_layer(model: ir.Model, name: str) -> Engine:
    """Return an engine whose output is the value *name* only; the caller closes it."""
    part = copy_model(model)
    value = next(out for node in part.graph for out in node.outputs if out.name == name)
    node = ir.node("Identity", (value,), name=_FIRST)
    node.outputs[0].name, node.outputs[0].dtype = _FIRST, value.dtype or ir.DataType.FLOAT
    node.outputs[0].shape = value.shape or ir.Shape((None,) * 4)
    part.graph.append(node)
    part.graph.outputs.clear()
    part.graph.outputs.append(node.outputs[0])
    needed = _ancestors(node)
    for other in reversed(tuple(part.graph)):
        if other not in needed:
            part.graph.remove(other, safe=True)
    for initializer in tuple(part.graph.initializers.values()):
        if not initializer.uses():
            del part.graph.initializers[initializer.name or ""]
    return open_engine("onnxruntime", serialize_onnx(part))


def _ancestors(node: ir.Node) -> set[ir.Node]:
    found, waiting = {node}, [node]
    while waiting:
        for value in waiting.pop().inputs:
            producer = None if value is None else value.producer()
            if producer is not None and producer not in found:
                found.add(producer)
                waiting.append(producer)
    return found


def _normalization(value: ir.Value) -> Affine:
    """Return the affine function that leads from the input to the first other operator."""
    scale: np.ndarray = np.ones(1)
    shift: np.ndarray = np.zeros(1)
    for node in _chain(value, _MOVES | _AFFINE):
        step = _affine_of(node)
        if step is None:
            break
        scale, shift = scale.mean() * step[0], shift.mean() * step[0] + step[1]
    return Affine(float(scale.mean()), float(shift.mean()))


def _chain(value: ir.Value, types: frozenset[str]) -> Iterator[ir.Node]:
    reader = sole_reader(value)
    while reader is not None and reader.op_type in types:
        yield reader
        reader = sole_reader(reader.outputs[0])


def _affine_of(node: ir.Node) -> tuple[np.ndarray, np.ndarray] | None:
    """Return factor and summand of a node, or None where it is of two computed values."""
    if node.op_type in _MOVES:
        return np.ones(1), np.zeros(1)
    constants = [_numbers(value) for value in node.inputs]
    if node.op_type == "BatchNormalization":
        return _batch_normalization(constants)
    known = [constant for constant in constants if constant is not None]
    if len(known) != 1 or len(constants) != 2 or not known[0].size:
        return None
    return _arithmetic(node.op_type, known[0].astype(np.float64), first=constants[0] is not None)


def _numbers(value: ir.Value | None) -> np.ndarray | None:
    """Return the numbers of a constant, in an initializer or a Constant node."""
    if value is None:
        return None
    producer = value.producer()
    if producer is None or producer.op_type != "Constant":
        return constant_array(value)
    attribute = producer.attributes.get("value")
    return None if attribute is None else np.asarray(attribute.as_tensor().numpy())


def _batch_normalization(
    constants: list[np.ndarray | None],
) -> tuple[np.ndarray, np.ndarray] | None:
    scale, bias, mean, variance = constants[1:5]
    if scale is None or bias is None or mean is None or variance is None:
        return None
    factor = scale / np.sqrt(variance + 1e-5)
    return factor, bias - mean * factor


def _arithmetic(
    op_type: str, number: np.ndarray, *, first: bool
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return factor and summand of a value and a *number*, which may stand *first*."""
    if op_type == "Add":
        return np.ones(1), number
    if op_type == "Mul":
        return number, np.zeros(1)
    if op_type == "Sub":
        return (-np.ones(1), number) if first else (np.ones(1), -number)
    return None if first or not number.all() else (1.0 / number, np.zeros(1))


def _first_layer(graph: ir.Graph) -> str | None:
    node = next((node for node in graph if node.op_type == "Conv"), None)
    if node is None or _numbers(node.inputs[1]) is None:
        return None
    value = node.outputs[0]
    for reader in _chain(value, _AFFINE | {"Identity"}):
        if reader.op_type != "Identity" and _affine_of(reader) is None:
            break
        value = reader.outputs[0]
    readers = {use.node.op_type for use in value.uses()}
    return value.name if readers and readers <= _ACTIVATIONS else None
