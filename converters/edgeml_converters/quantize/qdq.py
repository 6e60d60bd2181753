"""The QDQ graph: a plan and ranges in, QuantizeLinear and DequantizeLinear nodes around the ops."""

import math

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from edgeml_converters.quantize.affine import (
    INT8,
    INT16,
    Grid,
    quantize,
)
from edgeml_converters.quantize.bias_correction import correct_biases
from edgeml_converters.quantize.constants import is_constant
from edgeml_converters.quantize.eligibility import (
    clamp_bounds,
    constant_weights,
    data_inputs,
    data_outputs,
)
from edgeml_converters.quantize.observation import Observations
from edgeml_converters.quantize.opset import (
    INT16_OPSET,
    QDQ_OPSET,
    refuse_quantized,
)
from edgeml_converters.quantize.plan import Plan, activations, plan_int8, rule_of
from edgeml_converters.quantize.preparation import (
    prepare_int8,
    raised_for_int8,
    spell_activations,
)
from edgeml_converters.quantize.qdq_graph import QdqGraph
from edgeml_converters.quantize.recipe import Recipe
from edgeml_converters.quantize.rounding import round_adaptively
from edgeml_converters.quantize.scales import Scales, choose_scales
from edgeml_converters.quantize.summary import record_summary
from edgeml_converters.quantize.weights import quantize_weighted
from edgeml_runtime.errors import UnsupportedError

DEFAULT = Recipe()
SCHEMES = {"int8": "int8", "int16": "int8x16"}
"""What the summary calls a quantization, by the type of its activations."""
FUSED_BOUNDS = {(0.0, math.inf), (0.0, 6.0), (-1.0, 1.0)}
FUSING_OPS = {"Add", "Conv", "Gemm", "MatMul", "Mul", "Sub"}


def quantize_int8(
    model: ir.Model, observations: Observations, recipe: Recipe = DEFAULT
) -> ir.Model:
    """Return *model* in int8, as QDQ: float inputs and outputs, integers between.

    Activations are asymmetric int8 with one scale a tensor, weights symmetric int8 with one scale
    an output channel, biases int32 at the product of the two. The scales obey the TensorFlow Lite
    8-bit quantization specification, so that the same graph becomes an int8 TFLite file. A Relu
    or Clip that the output range already implies is removed. Nodes without an int8 form stay
    float; :func:`~edgeml_converters.quantize.quantization_summary` lists them.

    Args:
        model: An optimized float graph; it is not changed.
        observations: What ``calibrate`` saw on the same graph, in the recipe's detail.
        recipe: What is done; ``equalize`` must have been done before calibration.

    Returns:
        A new model with an opset of at least 13.

    Raises:
        UnsupportedError: No node can be quantized, the model is quantized already, or its opset
            cannot be raised.
        InputError: *observations* is of another graph, or the recipe names a node that is not in
            it.
    """
    return _quantized(model, observations, recipe, INT8)


def quantize_int8x16(
    model: ir.Model, observations: Observations, recipe: Recipe = DEFAULT
) -> ir.Model:
    """Return *model* with int8 weights and int16 activations, as QDQ.

    As :func:`quantize_int8`, but activations are symmetric, and no Relu is implied by a range: it
    stays with the operator before it, whose unclamped result is not rounded. The new model has an
    opset of at least 21.
    """
    return _quantized(model, observations, recipe, INT16)


def _quantized(model: ir.Model, observations: Observations, recipe: Recipe, grid: Grid) -> ir.Model:
    result = raised_for_int8(model, QDQ_OPSET if grid is INT8 else INT16_OPSET)
    refuse_quantized(result)
    prepare_int8(result)
    plan = plan_int8(result, grid, recipe.float_nodes)
    if not plan.nodes:
        reasons = "; ".join(f"{node}: {reason}" for node, reason in plan.excluded[:5])
        raise UnsupportedError(
            f"No operator of the model can be computed in integers ({reasons or 'it has none'}).",
            "Convert it in float32.",
        )
    original = round_adaptively(
        plan.nodes, observations.products if recipe.round_adaptively else {}
    )
    if recipe.correct_bias:
        correct_biases(plan.nodes, observations.means, original)
        plan = plan_int8(result, grid, recipe.float_nodes)  # constants have new names
    scales = choose_scales(result, plan, observations, recipe, grid)
    record_summary(result, plan, observations.samples, SCHEMES[grid.dtype])
    nodes = _remove_implied_clamps(result, plan, scales, grid)
    _insert_nodes(result, nodes, scales, grid)
    spell_activations(result)
    RemoveUnusedNodesPass()(result)
    return result


def _remove_implied_clamps(
    model: ir.Model, plan: Plan, scales: Scales, grid: Grid
) -> tuple[ir.Node, ...]:
    """Remove each Relu and Clip that saturation performs anyway; return the other nodes.

    That is so when the lower bound falls on the smallest integer and the upper on the largest: then
    clamping before quantizing gives the same integers as quantizing alone.
    """
    kept = []
    for node in plan.nodes:
        bounds = clamp_bounds(node) if rule_of(node).clamp else None
        source, output = node.inputs[0], node.outputs[0]
        assert source is not None
        if bounds is None or source.is_graph_input() or source.is_graph_output():
            kept.append(node)
            continue
        low, high = quantize(np.array(bounds), scales[output.name or ""], grid)
        if (low, high) != (grid.low, grid.high):
            kept.append(node)
            continue
        name = output.name
        ir.convenience.replace_all_uses_with(output, source, replace_graph_outputs=True)
        model.graph.remove(node, safe=True)
        source.name = name
    return tuple(kept)


def _insert_nodes(model: ir.Model, nodes: tuple[ir.Node, ...], scales: Scales, grid: Grid) -> None:
    graph = QdqGraph(model.graph, frozenset(nodes), grid)
    rounded = _activations_of(nodes)  # asked before constants become nodes too
    clamped = _clamped_at_once(nodes) if grid.symmetric else frozenset()
    for node in nodes:
        rule = rule_of(node)
        inputs = data_inputs(node, rule)
        weights = constant_weights(node, rule)
        if weights is not None:
            quantize_weighted(graph, node, rule, scales[inputs[0].name or ""].scale, grid)
        for value in inputs:
            if is_constant(value):
                graph.dequantize_operand(node, value, scales[value.name or ""])
    for value in rounded:
        if value not in clamped:
            graph.round_activation(value, scales[value.name or ""])


def _clamped_at_once(nodes: tuple[ir.Node, ...]) -> frozenset[ir.Value]:
    """Return what a clamp reads from an operator that clamps by itself, as TFLite's kernels do."""
    makers = {node.outputs[0]: node for node in nodes if _clamps(node)}
    found = set()
    for node in nodes:
        source = node.inputs[0]
        if not rule_of(node).clamp or clamp_bounds(node) not in FUSED_BOUNDS or source is None:
            continue
        if source in makers and len(source.uses()) == 1 and not source.is_graph_output():
            found.add(source)
    return frozenset(found)


def _clamps(node: ir.Node) -> bool:
    product = node.op_type == "MatMul" and constant_weights(node, rule_of(node)) is None
    return node.op_type in FUSING_OPS and not product


def _activations_of(nodes: tuple[ir.Node, ...]) -> tuple[ir.Value, ...]:
    """Return every run-time tensor that *nodes* read or write, once, in order."""
    return tuple(
        dict.fromkeys(
            value
            for node in nodes
            for value in (*activations(node), *data_outputs(node, rule_of(node)))
        )
    )
