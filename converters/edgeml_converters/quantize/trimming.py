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


class Trimmer:
    """Finds the part of a range outside of which no reader of a tensor gives another integer.

    Args:
        seen: Returns the smallest and largest value of a tensor, None where they are not known.
        row_peaks: By the name of what a Softmax reads: the smallest of the largest in its rows.
        grid: The integers.
    """

    def __init__(
        self,
        seen: Callable[[ir.Value], Bounds | None],
        row_peaks: Mapping[str, float],
        grid: Grid,
    ) -> None:
        self._seen = seen
        self._row_peaks = row_peaks
        self._grid = grid

    def trimmed(self, value: ir.Value, bounds: Bounds) -> Bounds:
        """Return the useful part of *bounds*, the range that was chosen for *value*."""
        low, high = self._limits(value, bounds)
        low, high = max(bounds[0], low), min(bounds[1], high)
        if low >= high:
            return bounds
        # So that zero is an integer, an end moves by half a step: not into what is told apart.
        half_step = (high - low) / (self._grid.high - self._grid.low) / 2.0
        return max(bounds[0], low - half_step), min(bounds[1], high + half_step)

    def _limits(self, value: ir.Value, bounds: Bounds) -> Bounds:
        """Return the least range that holds what every reader of *value* tells apart."""
        users = value.consumers()
        if not users or value.is_graph_output():
            return _UNLIMITED
        gates = [node for node in users if node.op_type in ("Sigmoid", "HardSigmoid")]
        found = [self._limits_of(node, value, bounds, gates) for node in users]
        return min(low for low, _ in found), max(high for _, high in found)

    def _limits_of(
        self, node: ir.Node, value: ir.Value, bounds: Bounds, gates: list[ir.Node]
    ) -> Bounds:
        row_peak = self._row_peaks.get(value.name or "")
        if node.op_type == "Mul" and _is_gated(node, value, gates):
            return _gated(gates[0], bounds, self._grid)
        if node.op_type == "Softmax" and row_peak is not None:
            return row_peak - _exponent_steps(self._grid), math.inf
        if node.op_type == "Add":
            return self._summand(node, value)
        return _LIMITS.get(node.op_type, _none)(node, bounds, self._grid)

    def _summand(self, node: ir.Node, value: ir.Value) -> Bounds:
        """Return what counts of a summand: not what makes any sum too small to count.

        A mask of -10000 is one of a few dozen then, and has steps of that size.
        """
        others = [source for source in node.inputs if source is not value]
        output = node.outputs[0]
        seen = self._seen(output)
        other = self._seen(others[0]) if len(others) == 1 and others[0] is not None else None
        if seen is None or other is None:
            return _UNLIMITED
        low, high = self._limits(output, seen)
        return low - other[1], high - other[0]


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
