"""Which nodes are computed in int8 and which tensors share a scale. Reads the graph only.

Operators with weights are quantized wherever their rule allows it. Others follow their neighbours:
those that only move or limit values follow what they read, and those that compute are in int8 where
something that they read is, and something that reads them. Between float nodes they stay float, so
that nothing is rounded on its way from one float node to another, as within a layer normalization.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import onnx_ir as ir

from edgeml_converters.quantize.affine import INT8, Grid
from edgeml_converters.quantize.constants import is_constant
from edgeml_converters.quantize.eligibility import (
    data_inputs,
    data_outputs,
    node_label,
    refusal,
)
from edgeml_converters.quantize.logarithms import before_logarithms
from edgeml_converters.quantize.rules import Rule, load_rules
from edgeml_converters.quantize.scale_groups import ScaleGroups
from edgeml_runtime.errors import InputError

BEFORE_LOGARITHM = "a logarithm tells apart what one step would hold"
AS_ASKED = "it is to stay float"
AMONG_FLOAT = "its neighbours are float"
SCALE_CONFLICT = "its inputs and output would need one scale, but theirs are fixed apart"


@dataclass(frozen=True)
class Plan:
    """What will be quantized.

    Args:
        nodes: The nodes to compute in int8, in order.
        excluded: The float32 nodes that are not, with the reason, in order.
        groups: Every tensor that is quantized as an activation, by shared scale.
        absorbed: Tensors whose range is that of the clamp behind them.
    """

    nodes: tuple[ir.Node, ...]
    excluded: tuple[tuple[str, str], ...]
    groups: ScaleGroups
    absorbed: frozenset[str]


def plan_int8(model: ir.Model, grid: Grid = INT8, float_nodes: Sequence[str] = ()) -> Plan:
    """Return what of *model*, sorted and with known element types, can be computed in integers.

    Args:
        model: The float graph.
        grid: The integers of the activations.
        float_nodes: Names of nodes that are to stay float.

    Raises:
        InputError: One of these is not in the graph.
    """
    refusals = dict.fromkeys(before_logarithms(model.graph), BEFORE_LOGARITHM)
    refusals.update((node, reason) for node in model.graph if (reason := refusal(node)))
    refusals.update(dict.fromkeys(_named(model.graph, float_nodes), AS_ASKED))
    while True:
        nodes = _select(node for node in model.graph if node not in refusals)
        groups, conflicts = _group(nodes, grid)
        if not conflicts:
            break
        refusals.update(dict.fromkeys(conflicts, SCALE_CONFLICT))
    chosen = set(nodes)
    return Plan(
        nodes=nodes,
        excluded=tuple(
            (node_label(node), refusals.get(node, AMONG_FLOAT))
            for node in model.graph
            if node not in chosen and _computes_floats(node)
        ),
        groups=groups,
        absorbed=frozenset(_absorbed(nodes)),
    )


def _named(graph: ir.Graph, names: Sequence[str]) -> tuple[ir.Node, ...]:
    by_name = {node_label(node): node for node in graph}
    for name in names:
        if name not in by_name:
            raise InputError(
                f"There is no node '{name}' to keep in float.",
                "Take the names that edgeml compare --layers or conversion.json shows.",
            )
    return tuple(by_name[name] for name in names)


def _computes_floats(node: ir.Node) -> bool:
    return node.op_type != "Constant" and any(
        output.dtype == ir.DataType.FLOAT for output in node.outputs
    )


def rule_of(node: ir.Node) -> Rule:
    """Return the rule of a node that was not refused."""
    return load_rules()[node.op_type]


def activations(node: ir.Node) -> tuple[ir.Value, ...]:
    """Return the data inputs of *node* that are known only at run time."""
    return tuple(value for value in data_inputs(node, rule_of(node)) if not is_constant(value))


def _select(candidates: Iterable[ir.Node]) -> tuple[ir.Node, ...]:
    """Return the candidates with weights, and those of the others that lie beside int8."""
    left = tuple(candidates)
    while True:
        fed = _fed_with_int8(left)
        read = _read_in_int8(left)
        kept = tuple(node for node in left if _moves(node) or (node in fed and node in read))
        if kept == left:
            return tuple(node for node in left if node in fed)
        left = kept


def _moves(node: ir.Node) -> bool:
    return rule_of(node).output == "shared"


def _fed_with_int8(candidates: tuple[ir.Node, ...]) -> set[ir.Node]:
    """Return the nodes that have weights, or read of another of them or of the graph's inputs.

    What only moves values of the graph's inputs is among them if one of them reads it.
    """
    fed: set[ir.Node] = set()
    moved: set[ir.Node] = set()
    for node in candidates:
        makers = [value.producer() for value in activations(node)]
        follows = any(maker in fed for maker in makers)
        starts = [maker is None or maker in moved for maker in makers]
        if rule_of(node).weights is not None or follows or (any(starts) and not _moves(node)):
            fed.add(node)
        elif all(starts):
            moved.add(node)
    for node in reversed(candidates):
        if node in moved and any(user in fed for user in _users(node)):
            fed.add(node)
    return fed


def _read_in_int8(candidates: tuple[ir.Node, ...]) -> set[ir.Node]:
    """Return the nodes that have weights, or are read by another of them or leave the graph."""
    read: set[ir.Node] = set()
    for node in reversed(candidates):
        leaves = any(output.is_graph_output() for output in node.outputs)
        weighted = rule_of(node).weights is not None
        if weighted or leaves or any(user in read for user in _users(node)):
            read.add(node)
    return read


def _users(node: ir.Node) -> Iterator[ir.Node]:
    for output in node.outputs:
        yield from output.consumers()


def _group(nodes: tuple[ir.Node, ...], grid: Grid) -> tuple[ScaleGroups, list[ir.Node]]:
    groups = ScaleGroups()
    conflicts = []
    for node in nodes:
        rule = rule_of(node)
        inputs = [value.name or "" for value in data_inputs(node, rule)]
        outputs = [value.name or "" for value in data_outputs(node, rule)]
        for name in inputs:
            groups.add_ranged(name)
        fixed = rule.fixed_on(grid)
        if fixed is not None:
            groups.add_fixed(outputs[0], fixed)
        elif rule.output == "own":
            groups.add_ranged(outputs[0])
        elif all(groups.unite(inputs, output) for output in outputs):
            continue
        else:
            conflicts.append(node)
            for output in outputs:
                groups.add_ranged(output)
    return groups, conflicts


def _absorbed(nodes: tuple[ir.Node, ...]) -> Iterator[str]:
    """Yield the tensors that only a clamp sees: what the clamp cuts off needs no scale."""
    chosen = set(nodes)
    for node in nodes:
        output = node.outputs[0]
        users = output.consumers()
        if len(users) == 1 and not output.is_graph_output():
            user = users[0]
            if user in chosen and rule_of(user).clamp:
                yield output.name or ""
