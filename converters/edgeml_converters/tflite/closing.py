"""Turns If and Loop into nodes with closed and prepared bodies, or unrolls a Loop.

TFLite's IF and WHILE are given all that their bodies read. What must be known of a Loop is known
only when its body is prepared: whether it ends early, and whether its tensors keep their sizes.
"""

from collections.abc import Callable, Sequence

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.attributes import constant_input, input_value
from edgeml_converters.graph.closure import CLOSED, captured_values, close_body, is_fixed
from edgeml_converters.graph.constants import constant_array, free_name, static_shape
from edgeml_converters.graph.inlining import inline_body
from edgeml_converters.graph.node_builder import NodeBuilder

MOST_UNROLLED_NODES = 64
"""A Loop that makes no more nodes than this is unrolled."""
MOST_UNROLLED_ROUNDS = 256
"""A Loop whose tensors change their sizes from round to round can only be unrolled: up to this."""
UNLIMITED = np.iinfo(np.int32).max
"""As many rounds as a 32-bit counter can count, or more: only the condition ends such a Loop."""

Preparation = Callable[[ir.Model], ir.Model]


def close_bodies(model: ir.Model, prepare: Preparation) -> bool:
    """Close every If and Loop of the main graph all of whose inputs have known sizes.

    Args:
        model: Changed in place.
        prepare: What is done with each body.

    Returns:
        Whether there was one.
    """
    changed = False
    for node in list(model.graph):
        if node.domain or node.op_type not in {"If", "Loop"}:
            continue
        bodies = [
            a.as_graph() for a in node.attributes.values() if a.type is ir.AttributeType.GRAPH
        ]
        captured = list(dict.fromkeys(v for body in bodies for v in captured_values(body)))
        given = [value for value in node.inputs if value is not None]
        if all(constant_array(v) is not None or is_fixed(v) for v in (*captured, *given)):
            close = _close_branches if node.op_type == "If" else _close_loop
            close(model, node, captured, prepare)
            changed = True
    return changed


def _is_read(value: ir.Value) -> bool:
    return bool(value.uses()) or value.is_graph_output()


def _close_branches(
    model: ir.Model, node: ir.Node, captured: Sequence[ir.Value], prepare: Preparation
) -> None:
    kept = [at for at, output in enumerate(node.outputs) if _is_read(output)]
    graphs = {}
    inputs: Sequence[ir.Value] = ()
    for name in ("then_branch", "else_branch"):
        closed = close_body(node.attributes[name].as_graph(), model, [], captured)
        _keep(closed.model.graph, kept)
        graphs[name] = prepare(closed.model).graph
        inputs = closed.captured
    results = list(graphs["then_branch"].outputs)
    outputs = [(node.outputs[at], r.type, r.shape) for at, r in zip(kept, results, strict=True)]
    _replace(model, node, [node.inputs[0], *inputs], graphs, outputs)


def _close_loop(
    model: ir.Model, node: ir.Node, captured: Sequence[ir.Value], prepare: Preparation
) -> None:
    body = node.attributes["body"].as_graph()
    states = [value for value in node.inputs[2:] if value is not None]
    count = ir.Value(name="count", type=ir.TensorType(ir.DataType.INT64), shape=ir.Shape([]))
    # The body runs only while the condition holds.
    holds = ir.Value(name="holds", const_value=ir.Tensor(np.array(True)))
    entering = [ir.Value(name=v.name, type=v.type, shape=v.shape) for v in states]
    closed = close_body(body, model, [count, holds, *entering], captured)
    graph = closed.model.graph
    read = [at for at, output in enumerate(node.outputs) if at < len(states) or _is_read(output)]
    _keep(graph, [0, *(at + 1 for at in read)])
    results = list(prepare(closed.model).graph.outputs)[1:]
    rounds = _fixed_rounds(constant_input(node, 0), starts(node), graph)
    if rounds is not None and _unrolls(rounds, graph, states, results):
        _unroll(model, node, rounds)
        return
    outputs = []
    for at, result in zip(read, results, strict=True):
        shape = static_shape(result)
        if at >= len(states):
            outputs.append((node.outputs[at], result.type, _sequence_shape(rounds, shape)))
        else:
            outputs.append((node.outputs[at], states[at].type, states[at].shape))
    given = [input_value(node, 0), input_value(node, 1), *states, *closed.captured]
    _replace(model, node, given, {"body": graph}, outputs, states=len(states))


def starts(node: ir.Node) -> bool | None:
    """Whether the condition holds at first; ``None`` when that is computed at run time."""
    if input_value(node, 1) is None:
        return True
    condition = constant_input(node, 1)
    return None if condition is None else bool(condition.reshape(-1)[0])


def _fixed_rounds(limit: np.ndarray | None, at_first: bool | None, body: ir.Graph) -> int | None:
    """Return how often a Loop runs its (prepared) body; ``None`` when that shows at run time.

    Args:
        limit: The most rounds, when they are constant.
        at_first: Whether the condition holds at first, when that is constant.
        body: Its first output is the condition.
    """
    if at_first is False:
        return 0
    holds = constant_array(body.outputs[0])
    if limit is None or at_first is None or holds is None or not bool(holds.reshape(-1)[0]):
        return None
    rounds = int(limit.reshape(-1)[0])
    return max(rounds, 0) if rounds < UNLIMITED else None


def _sequence_shape(rounds: int | None, element: tuple[int, ...] | None) -> ir.Shape | None:
    return None if rounds is None or element is None else ir.Shape((rounds, *element))


def _unrolls(
    rounds: int, body: ir.Graph, states: Sequence[ir.Value], results: Sequence[ir.Value]
) -> bool:
    if rounds * len(body) <= MOST_UNROLLED_NODES and rounds > 0:
        return True
    changing = any(
        static_shape(state) != static_shape(result)
        for state, result in zip(states, results, strict=False)
    )
    return changing and 0 < rounds <= MOST_UNROLLED_ROUNDS


def _unroll(model: ir.Model, node: ir.Node, rounds: int) -> None:
    """Put the rounds one after the other in the place of a Loop."""
    body = node.attributes["body"].as_graph()
    build = NodeBuilder(model.graph, node)
    states = [value for value in node.inputs[2:] if value is not None]
    holds = build.constant(np.array(1, np.bool_))
    elements: list[list[ir.Value]] = [[] for _ in node.outputs[len(states) :]]
    for at in range(rounds):
        count = build.constant(np.array(at, np.int64))
        _, *results = inline_body(model.graph, node, body, [count, holds, *states])
        states, scanned = results[: len(states)], results[len(states) :]
        for sequence, element in zip(elements, scanned, strict=True):
            sequence.append(build.unsqueeze(element, 0))
    sequences = [build.op("Concat", *sequence, axis=0) for sequence in elements]
    build.replace(node, [build.op("Identity", value) for value in (*states, *sequences)])


def _keep(graph: ir.Graph, kept: Sequence[int]) -> None:
    """Drop the outputs of a body that nobody reads."""
    outputs = [graph.outputs[at] for at in kept]
    graph.outputs.clear()
    graph.outputs.extend(outputs)


def _replace(
    model: ir.Model,
    node: ir.Node,
    inputs: Sequence[ir.Value | None],
    graphs: dict[str, ir.Graph],
    outputs: Sequence[tuple[ir.Value, ir.TypeProtocol | None, ir.Shape | None]],
    **attributes: int,
) -> None:
    """Let a node with closed bodies take the place of a node; others of its outputs go."""
    model.graph.opset_imports[CLOSED] = 1
    closed = ir.node(
        node.op_type,
        inputs,
        attributes={**graphs, **attributes},
        domain=CLOSED,
        num_outputs=len(outputs),
        name=node.name or str(node.outputs[0].name),
    )
    for made, (old, _, _) in zip(closed.outputs, outputs, strict=True):
        made.name = old.name or free_name(model.graph, f"{closed.name}/unread")
    old_values = [old for old, _, _ in outputs]
    ir.convenience.replace_nodes_and_values(
        model.graph, node, [node], [closed], old_values, closed.outputs
    )
    for made, (_, kind, shape) in zip(closed.outputs, outputs, strict=True):
        made.type, made.shape = kind, shape
