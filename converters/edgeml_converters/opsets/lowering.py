"""A whole graph brought to older operator sets, node by node.

An operator that an older set does not have is replaced by its definition in other operators, where
ONNX gives one (``Gelu``, ``LayerNormalization``, ``HardSwish`` ...). onnx has a converter for this
too; it gives up on operators whose list of types grew, which is nearly all of them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import onnx.inliner
import onnx_ir as ir
from onnx_ir.traversal import RecursiveGraphIterator

from edgeml_converters.graph.model import copy_model
from edgeml_converters.graph.optimizer import simplify
from edgeml_converters.graph.passes import infer_shapes, prepare_graph
from edgeml_converters.opsets.obstacle import Obstacle
from edgeml_converters.opsets.rewriting import rewrite
from edgeml_converters.opsets.schemas import STANDARD_DOMAINS, has_definition, schema_at
from edgeml_runtime.errors import UnsupportedError

_REDEFINED = {"GroupNormalization": 21}
"""Operators that mean something else since an opset: a scale for each channel, not each group."""
_LARGEST_GROWN_BYTES = 1 << 20
_MAX_DEPTH = 8
"""Definitions in ONNX use operators that have definitions themselves, two deep at most today."""


@dataclass(frozen=True)
class Limits:
    """What a reader reads at most.

    Args:
        ir_version: The version of the format.
        opsets: The version of each standard operator set, by domain.
    """

    ir_version: int
    opsets: Mapping[str, int]


def lower_model(model: ir.Model, limits: Limits, reader: str) -> ir.Model:
    """Return a model that is not above *limits*: *model* itself where it is not.

    Args:
        model: It is not changed.
        limits: What may be used.
        reader: Who has these limits, for errors.

    Raises:
        UnsupportedError: Nodes have no older form; all of them are listed.
    """
    foreign = sorted(
        {
            node.domain
            for node in RecursiveGraphIterator(model.graph)
            if node.domain not in STANDARD_DOMAINS and node.domain not in _function_domains(model)
        }
    )
    if foreign:
        raise UnsupportedError(
            f"Operators of {', '.join(foreign)} are not part of ONNX: nobody can tell whether "
            f"{reader} has them.",
            "Convert without --min-runtime, and try the file in that engine.",
        )
    targets = {
        domain: min(version, limits.opsets[domain])
        for domain, version in model.opset_imports.items()
        if domain in limits.opsets
    }
    ir_version = min(model.ir_version, limits.ir_version)
    lower = any(version < model.opset_imports[domain] for domain, version in targets.items())
    if not lower and ir_version == model.ir_version:
        return model
    lowered = copy_model(model)
    lowered.ir_version = ir_version
    if lower:
        lowered = _lower(lowered, targets, reader)
    return lowered


def _function_domains(model: ir.Model) -> set[str]:
    return {domain for domain, _, _ in model.functions}


def _lower(model: ir.Model, targets: Mapping[str, int], reader: str) -> ir.Model:
    prepare_graph(model)
    infer_shapes(model)
    model = _expand(model, targets)
    obstacles = []
    for node in list(_standard_nodes(model, targets)):
        newer = schema_at(node, model.opset_imports[node.domain])
        older = schema_at(node, targets[node.domain])
        try:
            if older is None:
                raise Obstacle("there was no such operator")
            if newer is not None and newer.since_version != older.since_version:
                rewrite(node, newer, older, targets[node.domain])
        except Obstacle as obstacle:
            name = node.name or next((value.name for value in node.outputs if value.name), "")
            obstacles.append(f"{name} ({node.op_type}): {obstacle}")
    if obstacles:
        wanted = ", ".join(f"{domain or 'opset'} {version}" for domain, version in targets.items())
        raise UnsupportedError(
            f"{reader} reads {wanted}, where {'; '.join(obstacles)}.",
            "Ask for a newer --min-runtime, or export the model with an older opset.",
        )
    model.opset_imports.update(targets)
    _drop_unread_constants(model.graph)
    return model


def _standard_nodes(model: ir.Model, targets: Mapping[str, int]) -> Iterator[ir.Node]:
    return (node for node in RecursiveGraphIterator(model.graph) if node.domain in targets)


def _expand(model: ir.Model, targets: Mapping[str, int]) -> ir.Model:
    """Replace operators without an older form by their definitions, as deep as it takes."""
    for _ in range(_MAX_DEPTH):
        missing = {
            (node.domain, node.op_type)
            for node in _standard_nodes(model, targets)
            if _needs_definition(node, model.opset_imports[node.domain], targets[node.domain])
        }
        if not missing:
            break
        expanded = _with_definitions(model, missing)
        if expanded is None:
            break
        model = expanded
    return model


def _with_definitions(model: ir.Model, operators: set[tuple[str, str]]) -> ir.Model | None:
    """Return the model with some operators replaced by what they are made of, None if it fails."""
    try:
        proto = onnx.inliner.inline_selected_functions(
            ir.to_proto(model), sorted(operators), inline_schema_functions=True
        )
    except (RuntimeError, ValueError):  # a type is not known, or the model is above 2 GiB
        return None
    expanded = ir.from_proto(proto)
    expanded.ir_version = model.ir_version
    return simplify(expanded, _LARGEST_GROWN_BYTES)


def _needs_definition(node: ir.Node, version: int, target: int) -> bool:
    schema = schema_at(node, version)
    if schema is None or not has_definition(schema):
        return False
    return schema_at(node, target) is None or target < _REDEFINED.get(node.op_type, 0)


def _drop_unread_constants(graph: ir.Graph) -> None:
    """Remove the constants that became attributes."""
    for node in list(graph):
        if node.op_type == "Constant" and not any(
            value.uses() or value.is_graph_output() for value in node.outputs
        ):
            graph.remove(node, safe=True)
    for name, value in list(graph.initializers.items()):
        if not value.uses() and not value.is_graph_output() and not value.is_graph_input():
            del graph.initializers[name]
