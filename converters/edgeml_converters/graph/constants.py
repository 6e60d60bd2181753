"""Constants of a graph: reading them, adding them, naming them."""

import numpy as np
import onnx_ir as ir


def constant_array(value: ir.Value) -> np.ndarray | None:
    """Return the array of a constant value; ``None`` for what is computed or fed at run time."""
    tensor = value.const_value
    if tensor is None or value.is_graph_input():
        return None
    if value.producer() is not None and not value.is_initializer():
        return None
    return np.asarray(tensor.numpy())


def add_constant(graph: ir.Graph, name: str, array: np.ndarray) -> ir.Value:
    """Add a constant to the graph under the name given, or the next free one like it."""
    tensor = ir.Tensor(np.ascontiguousarray(array) if array.ndim else array)
    value = ir.Value(
        name=free_name(graph, name),
        shape=ir.Shape(array.shape),
        type=ir.TensorType(tensor.dtype),
        const_value=tensor,
    )
    graph.register_initializer(value)
    return value


def free_name(graph: ir.Graph, name: str) -> str:
    """Return the name, with a number after it where the graph already has such a value."""
    taken = set(graph.initializers) | {value.name for value in graph.inputs}
    taken |= {output.name for node in graph for output in node.outputs}
    candidate, number = name, 1
    while candidate in taken:
        candidate, number = f"{name}_{number}", number + 1
    return candidate


def static_shape(value: ir.Value) -> tuple[int, ...] | None:
    """Return the shape when every size is known."""
    shape = value.shape
    if shape is None or not all(isinstance(size, int) for size in shape):
        return None
    return tuple(int(size) for size in shape if isinstance(size, int))
