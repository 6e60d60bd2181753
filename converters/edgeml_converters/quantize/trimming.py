"""What of a range its readers do not tell apart, and that needs no integers therefore.

A Sigmoid is 0 or 1 beyond some value, a SiLU is 0 far below zero, and of a row of a Softmax only
what comes near the largest counts: masks of -10000 would leave the rest of it a single integer.
"""

import math
from collections.abc import Callable, Mapping
from typing import Final

import onnx_ir as ir

from edgeml_converters.graph.attributes import float_attribute
from edgeml_converters.quantize.affine import Grid

Bounds = tuple[float, float]
_UNLIMITED: Final = (-math.inf, math.inf)
_LEAST_SEARCHED: Final = -40.0


def useful_bounds(value: ir.Value, bounds: Bounds, row_peak: float | None, grid: Grid) -> Bounds:
    """Return the part of *bounds* outside of which no reader of *value* gives another integer.

    Args:
        value: An activation of the graph, not of its outputs.
        bounds: The range that was chosen for it.
        row_peak: The smallest of the largest values in its rows, if a Softmax reads it.
        grid: The integers.
    """
    users = value.consumers()
    if not users or value.is_graph_output():
        return bounds
    low, high = math.inf, -math.inf
    gates = [node for node in users if node.op_type in ("Sigmoid", "HardSigmoid")]
    for node in users:
        if node.op_type == "Mul" and _is_gated(node, value, gates):
            found = _gated(gates[0], bounds, grid)
        elif node.op_type == "Softmax" and row_peak is not None:
            found = (row_peak - _exponent_steps(grid), math.inf)
        else:
            found = _LIMITS.get(node.op_type, _none)(node, bounds, grid)
        low, high = min(low, found[0]), max(high, found[1])
    low, high = max(bounds[0], low), min(bounds[1], high)
    if low >= high:
        return bounds
    # So that zero is an integer, an end moves by half a step: not into what is told apart.
    half_step = (high - low) / (grid.high - grid.low) / 2.0
    return max(bounds[0], low - half_step), min(bounds[1], high + half_step)


def _is_gated(node: ir.Node, value: ir.Value, gates: list[ir.Node]) -> bool:
    """Return whether *node* multiplies *value* by a gate of itself: a SiLU, or a hard swish."""
    others = [source for source in node.inputs if source is not value]
    return len(others) == 1 and any(others[0] is gate.outputs[0] for gate in gates)


def _gated(gate: ir.Node, bounds: Bounds, grid: Grid) -> Bounds:
    if gate.op_type == "HardSigmoid":
        return _hard_sigmoid(gate, bounds, grid)[0], math.inf
    return _vanishing(lambda x: x / (1.0 + math.exp(-x)), bounds, grid)


def _exponent_steps(grid: Grid) -> float:
    """Return how far below its row's largest a value must be to vanish from a softmax's integers.

    The grid of its output has ``high - low + 1`` steps from 0 to 1, or half of them if symmetric.
    """
    return math.log(2.0 * (grid.high + 1 if grid.symmetric else grid.high - grid.low + 1))


def _sigmoid(_node: ir.Node, _bounds: Bounds, grid: Grid) -> Bounds:
    limit = _exponent_steps(grid)
    return -limit, limit


def _hard_sigmoid(node: ir.Node, _bounds: Bounds, _grid: Grid) -> Bounds:
    alpha, beta = float_attribute(node, "alpha", 0.2), float_attribute(node, "beta", 0.5)
    return (-beta / alpha, (1.0 - beta) / alpha) if alpha > 0 else _UNLIMITED


def _tanh(_node: ir.Node, _bounds: Bounds, grid: Grid) -> Bounds:
    limit = math.atanh(1.0 - 0.5 / (grid.high + 1))
    return -limit, limit


def _hard_swish(_node: ir.Node, _bounds: Bounds, _grid: Grid) -> Bounds:
    return -3.0, math.inf


def _gelu(_node: ir.Node, bounds: Bounds, grid: Grid) -> Bounds:
    return _vanishing(lambda x: x * 0.5 * math.erfc(-x / math.sqrt(2.0)), bounds, grid)


def _silu(_node: ir.Node, bounds: Bounds, grid: Grid) -> Bounds:
    return _vanishing(lambda x: x / (1.0 + math.exp(-x)), bounds, grid)


def _vanishing(function: Callable[[float], float], bounds: Bounds, grid: Grid) -> Bounds:
    """Return the range below which *function*, which goes to 0 there, is less than half a step."""
    half_step = max(bounds[1], 1.0) / (grid.high - grid.low) / 2.0
    low, high = _LEAST_SEARCHED, -1.5  # both functions fall from 0 to their least before -1.5
    for _ in range(40):
        middle = (low + high) / 2.0
        if -function(middle) < half_step:
            low = middle
        else:
            high = middle
    return low, math.inf


def _none(_node: ir.Node, _bounds: Bounds, _grid: Grid) -> Bounds:
    return _UNLIMITED


_LIMITS: Final[Mapping[str, Callable[[ir.Node, Bounds, Grid], Bounds]]] = {
    "Sigmoid": _sigmoid,
    "HardSigmoid": _hard_sigmoid,
    "Tanh": _tanh,
    "HardSwish": _hard_swish,
    "Gelu": _gelu,
    "Swish": _silu,
}
