"""Constants of a graph: reading them, adding them, naming them."""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

_NAMES = "edgeml.taken-names"


@dataclass
class _TakenNames:
    graph: int
    names: set[str | None]
    nodes: int = 0

    def hold_for(self, graph: ir.Graph) -> bool:
        """Return whether they are of this graph, not of a copy, and nobody else changed it."""
        return self.graph == id(graph) and 0 <= len(graph) - self.nodes <= 1


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
    taken = _taken_names(graph)
    candidate, number = name, 1
    while candidate in taken or candidate in graph.initializers:
        candidate, number = f"{name}_{number}", number + 1
    taken.add(candidate)
    return candidate


def _taken_names(graph: ir.Graph) -> set[str | None]:
    """Return the names of the graph's inputs and nodes, and of those that were given out.

    They are kept with the graph, as to collect them for each new name takes a time that grows with
    the square of the graph; one node more since then is the one that the last name was for.
    """
    known = graph.meta.get(_NAMES)
    if not isinstance(known, _TakenNames) or not known.hold_for(graph):
        names = {value.name for value in graph.inputs}
        names |= {output.name for node in graph for output in node.outputs}
        known = _TakenNames(id(graph), names)
        graph.meta[_NAMES] = known
    known.nodes = len(graph)
    return known.names


def static_shape(value: ir.Value) -> tuple[int, ...] | None:
    """Return the shape when every size is known."""
    shape = value.shape
    if shape is None or not all(isinstance(size, int) for size in shape):
        return None
    return tuple(int(size) for size in shape if isinstance(size, int))
