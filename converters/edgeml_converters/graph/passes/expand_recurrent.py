"""Writes LSTM, GRU and RNN as products and activations, step by step or as a Loop.

TFLite's own recurrent operators keep their state from one inference to the next, which the ONNX
operators do not. So what does not depend on the state is one product over all steps, and then few
steps are written one after the other, and many as a Loop; each adds the product with the last
state. The equations are those of
https://onnx.ai/onnx/operators/onnx__LSTM.html, onnx__GRU.html and onnx__RNN.html.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.attributes import (
    constant_input,
    input_value,
    int_attribute,
    string_attribute,
)
from edgeml_converters.graph.constants import static_shape
from edgeml_converters.graph.node_builder import NodeBuilder
from edgeml_converters.graph.rounds import count_rounds

MOST_UNROLLED_STEPS = 32
MOST_UNROLLED_BYTES = 512 * 1024
"""More steps, or ones with more weights together, are written as a Loop. Unrolled, every step has
a copy of its weights, which a second-level cache of 1 MiB must hold: an LSTM of 64 on a Cortex-A72
takes 0.16 ms unrolled and 0.26 ms in a Loop for 8 steps, 0.61 and 0.46 ms for 16 (estimates)."""

_DEFAULTS = {"LSTM": ("Sigmoid", "Tanh", "Tanh"), "GRU": ("Sigmoid", "Tanh"), "RNN": ("Tanh",)}
_INITIAL_C, _PEEPHOLES = 6, 7
_Results = tuple[ir.Value, ir.Value, ir.Value]


@dataclass(frozen=True)
class _Cell:
    """One direction of a recurrent node: constants in the order of the operator's gates."""

    node: ir.Node
    weights: np.ndarray  # (gates * hidden, input)
    recurrence: np.ndarray  # (gates * hidden, hidden)
    input_bias: np.ndarray  # (gates * hidden,)
    state_bias: np.ndarray  # (gates * hidden,)
    peepholes: np.ndarray | None  # (3 * hidden,): input, output, forget
    activations: Sequence[str]

    @property
    def hidden(self) -> int:
        return int(self.recurrence.shape[1])


def expand_recurrent(model: ir.Model) -> bool:
    """Expand every recurrent node of the main graph that can be; return whether there was one."""
    changed = False
    for node in list(model.graph):
        if node.op_type in _DEFAULTS and not node.domain:
            changed |= _expand(model.graph, node)
    return changed


def _expand(graph: ir.Graph, node: ir.Node) -> bool:
    source = node.inputs[0]
    shape = None if source is None else static_shape(source)
    cells = _cells(node)
    if source is None or shape is None or cells is None:
        return False
    batch_first = bool(int_attribute(node, "layout", 0))
    steps, batch = (shape[1], shape[0]) if batch_first else shape[:2]
    if steps <= 0 or not _is_whole(node, steps):
        return False
    build = NodeBuilder(graph, node)
    sequence = build.op("Transpose", source, perm=[1, 0, 2]) if batch_first else source
    runs = [
        _run(build, cell, sequence, (steps, batch), reverse=at == 1 or _is_reverse(node), at=at)
        for at, cell in enumerate(cells)
    ]
    every, last, cell_last = (list(parts) for parts in zip(*runs, strict=True))
    results = [
        build.join(every, axis=1, order=[2, 0, 1, 3] if batch_first else None),
        build.join(last, axis=0, order=[1, 0, 2] if batch_first else None),
    ]
    if node.op_type == "LSTM":
        results.append(build.join(cell_last, axis=0, order=[1, 0, 2] if batch_first else None))
    build.replace(node, results)
    return True


def _is_whole(node: ir.Node, steps: int) -> bool:
    """Whether every sequence of the batch is as long as the tensor."""
    lengths = constant_input(node, 4)
    return input_value(node, 4) is None or (lengths is not None and bool(np.all(lengths == steps)))


def _is_reverse(node: ir.Node) -> bool:
    return string_attribute(node, "direction", "forward") == "reverse"


def _cells(node: ir.Node) -> list[_Cell] | None:
    """Return the directions of a node; ``None`` when it has something that is not written here."""
    weights, recurrence = constant_input(node, 1), constant_input(node, 2)
    bias, peepholes = constant_input(node, 3), constant_input(node, _PEEPHOLES)
    computed = any(
        input_value(node, at) is not None and constant_input(node, at) is None
        for at in (3, _PEEPHOLES)
    )
    if weights is None or recurrence is None or computed or "clip" in node.attributes:
        return None
    if int_attribute(node, "input_forget", 0):
        return None
    directions = len(weights)
    kinds = _activations(node, directions)
    if kinds is None:
        return None
    width = weights.shape[1]
    both = np.zeros((directions, 2 * width), np.float32) if bias is None else bias
    return [
        _Cell(
            node,
            weights[at],
            recurrence[at],
            both[at][:width],
            both[at][width:],
            None if peepholes is None else peepholes[at],
            kinds[at],
        )
        for at in range(directions)
    ]


def _activations(node: ir.Node, directions: int) -> list[Sequence[str]] | None:
    default = _DEFAULTS[node.op_type]
    attribute = node.attributes.get("activations")
    given = list(default) * directions if attribute is None else list(attribute.as_strings())
    known = {"sigmoid": "Sigmoid", "tanh": "Tanh", "relu": "Relu"}
    if len(given) != len(default) * directions or any(n.lower() not in known for n in given):
        return None
    names = [known[name.lower()] for name in given]
    return [names[at * len(default) : (at + 1) * len(default)] for at in range(directions)]


def _run(
    build: NodeBuilder,
    cell: _Cell,
    sequence: ir.Value,
    sizes: tuple[int, int],
    *,
    reverse: bool,
    at: int,
) -> _Results:
    """Return all states (steps, 1, batch, hidden), the last one and the last cell's memory."""
    steps, batch = sizes
    node = cell.node
    bias = cell.input_bias if _resets_late(node) else cell.input_bias + cell.state_bias
    product = build.op("MatMul", sequence, build.constant(cell.weights.T))
    projected = build.op("Add", product, build.constant(bias))
    state = _initial(build, node, 5, at, (batch, cell.hidden))
    memory = _initial(build, node, _INITIAL_C, at, (batch, cell.hidden))
    few = steps <= MOST_UNROLLED_STEPS and steps * cell.recurrence.nbytes <= MOST_UNROLLED_BYTES
    run = _unrolled if few else _looped
    every, state, memory = run(build, cell, projected, (state, memory), sizes, reverse=reverse)
    shape = (1, batch, cell.hidden)
    return every, build.reshape(state, shape), build.reshape(memory, shape)


def _unrolled(
    build: NodeBuilder,
    cell: _Cell,
    projected: ir.Value,
    first: tuple[ir.Value, ir.Value],
    sizes: tuple[int, int],
    *,
    reverse: bool,
) -> _Results:
    """Write one step after the other."""
    steps, batch = sizes
    inputs = build.split(projected, axis=0, count=steps, size=1)
    state, memory = first
    states: list[ir.Value] = [state] * steps
    for step in reversed(range(steps)) if reverse else range(steps):
        given = build.reshape(inputs[step], (batch, cell.weights.shape[0]))
        state, memory = _STEPS[cell.node.op_type](build, cell, given, state, memory)
        states[step] = build.reshape(state, (1, 1, batch, cell.hidden))
    every = states[0] if steps == 1 else build.op("Concat", *states, axis=0)
    return every, state, memory


def _looped(
    build: NodeBuilder,
    cell: _Cell,
    projected: ir.Value,
    first: tuple[ir.Value, ir.Value],
    sizes: tuple[int, int],
    *,
    reverse: bool,
) -> _Results:
    """Write a Loop over the steps; backwards it runs over the sequence turned round."""
    steps, batch = sizes
    node = cell.node
    if reverse:
        projected = build.reverse(projected, 0)
    initial = list(first if node.op_type == "LSTM" else first[:1])
    kind, shape = ir.TensorType(ir.DataType.FLOAT), ir.Shape((batch, cell.hidden))
    name = f"{node.name or node.outputs[0].name}/step"
    ports = [ir.Value(name=f"{name}/{n}", type=kind, shape=shape) for n in ("state", "memory")]
    ports = ports[: len(initial)]
    assert node.graph is not None
    body = ir.Graph(ports, [], nodes=[], name="step")
    step, count = count_rounds(body, node.graph.opset_imports, name)
    given = step.op("Gather", projected, count, axis=0)
    left = _STEPS[node.op_type](step, cell, given, ports[0], ports[-1])
    shown = step.reshape(left[0], (1, batch, cell.hidden))
    body.outputs.extend((*left[: len(initial)], shown))
    *last, every = build.loop(body, steps, initial, len(initial) + 1)
    if reverse:
        every = build.reverse(every, 0)
    return every, last[0], last[-1]


def _initial(
    build: NodeBuilder, node: ir.Node, index: int, at: int, shape: tuple[int, int]
) -> ir.Value:
    given = input_value(node, index)
    if given is None or (index == _INITIAL_C and node.op_type != "LSTM"):
        return build.constant(np.zeros(shape, np.float32))
    if int_attribute(node, "layout", 0):
        given = build.op("Transpose", given, perm=[1, 0, 2])
    directions = (static_shape(given) or (1,))[0]
    parts = build.split(given, axis=0, count=directions, size=1)
    return build.reshape(parts[at], shape)


def _resets_late(node: ir.Node) -> bool:
    return node.op_type == "GRU" and bool(int_attribute(node, "linear_before_reset", 0))


def _state_product(build: NodeBuilder, cell: _Cell, state: ir.Value) -> ir.Value:
    return build.op("MatMul", state, build.constant(cell.recurrence.T))


def _lstm_step(
    build: NodeBuilder, cell: _Cell, given: ir.Value, state: ir.Value, memory: ir.Value
) -> tuple[ir.Value, ir.Value]:
    gates = build.op("Add", given, _state_product(build, cell, state))
    i, o, f, c = build.split(gates, axis=1, count=4, size=cell.hidden)
    gate, squash, squash_out = cell.activations

    def look(value: ir.Value, at: int, source: ir.Value) -> ir.Value:
        if cell.peepholes is None:
            return value
        weights = cell.peepholes[at * cell.hidden : (at + 1) * cell.hidden]
        return build.op("Add", value, build.op("Mul", source, build.constant(weights)))

    kept = build.op("Mul", build.op(gate, look(f, 2, memory)), memory)
    added = build.op("Mul", build.op(gate, look(i, 0, memory)), build.op(squash, c))
    memory = build.op("Add", kept, added)
    shown = build.op(gate, look(o, 1, memory))
    return build.op("Mul", shown, build.op(squash_out, memory)), memory


def _gru_step(
    build: NodeBuilder, cell: _Cell, given: ir.Value, state: ir.Value, memory: ir.Value
) -> tuple[ir.Value, ir.Value]:
    gate, squash = cell.activations
    z_in, r_in, h_in = build.split(given, axis=1, count=3, size=cell.hidden)
    n = cell.hidden
    if _resets_late(cell.node):
        product = _state_product(build, cell, state)
        whole = build.op("Add", product, build.constant(cell.state_bias))
        z_state, r_state, h_state = build.split(whole, axis=1, count=3, size=cell.hidden)
        reset = build.op(gate, build.op("Add", r_in, r_state))
        fresh = build.op(squash, build.op("Add", h_in, build.op("Mul", reset, h_state)))
    else:
        both = build.op("MatMul", state, build.constant(cell.recurrence[: 2 * n].T))
        z_state, r_state = build.split(both, axis=1, count=2, size=cell.hidden)
        reset = build.op(gate, build.op("Add", r_in, r_state))
        held = build.op("Mul", reset, state)
        h_state = build.op("MatMul", held, build.constant(cell.recurrence[2 * n :].T))
        fresh = build.op(squash, build.op("Add", h_in, h_state))
    update = build.op(gate, build.op("Add", z_in, z_state))
    # (1 - z) * fresh + z * state = fresh + z * (state - fresh)
    change = build.op("Mul", update, build.op("Sub", state, fresh))
    return build.op("Add", fresh, change), memory


def _rnn_step(
    build: NodeBuilder, cell: _Cell, given: ir.Value, state: ir.Value, memory: ir.Value
) -> tuple[ir.Value, ir.Value]:
    total = build.op("Add", given, _state_product(build, cell, state))
    return build.op(cell.activations[0], total), memory


_STEPS = {"LSTM": _lstm_step, "GRU": _gru_step, "RNN": _rnn_step}
