"""The result of a comparison tensor by tensor."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from edgeml_converters.layers.distribution import Distribution, distribution_of
from edgeml_converters.layers.hint import Hint
from edgeml_converters.layers.network import INPUT, Grid, Shape
from edgeml_converters.layers.statistics import Errors, Values
from edgeml_converters.layers.weights import span
from edgeml_converters.verify.parity import OutputParity

_ADVISED = 3
"""The most layers that are named to be kept out of int8."""
_DRAWN = 12
"""How many tensors have their values drawn, those whose layers do the most damage."""
_WORTH_NAMING = 0.3
"""Of the largest damage that a layer does; those that do less are not named."""


@dataclass(frozen=True)
class Layer:
    """One tensor in both models.

    Args:
        name: The reference's name for it.
        op: The types of the reference's operators that make it of compared tensors, joined by
            ``+`` where the candidate has them fused; ``Input`` for what is fed.
        node: The name of the first of these operators, empty where it has none.
        shape: In the reference.
        candidate: The candidate's name for it.
        candidate_op: The type of the candidate's operator.
        matched: ``name``, ``structure``, ``position``, or ``border`` for inputs and outputs.
        inputs: The nearest tensors before it that were compared, by name.
        parity: How far apart the values are.
        saturation: The share of values that the candidate cannot hold: the reference lies beyond
            the ends of its integer range. None when it is not quantized.
        error_added: The root-mean-square error, as a share of the root mean square of the
            tensor, that the worst of its inputs does not explain.
        grid: The values that the candidate can hold, where it has integers.
        values: What the reference's values are like; None where the candidate is not quantized.
        alone: The error when the layer is fed with the reference's values; None as above, or where
            it could not be run alone.
        own_error: The same as a share of the root mean square of the tensor.
        passed_error: What that error comes to in a layer that reads the tensor, as a share of
            that layer's root mean square: it is more where a product needs small channels, and
            less where a function is flat.
        input_error: The part of ``own_error`` that comes from the rounding of its one input: that
            is the damage of the layer before.
        shielded: Whether only functions that are flat somewhere read it: then what is cut off
            there does no harm, and its damage is what is passed on.
    """

    name: str
    op: str
    node: str
    shape: Shape | None
    candidate: str
    candidate_op: str
    matched: str
    inputs: tuple[str, ...]
    parity: OutputParity
    saturation: float | None
    error_added: float
    grid: Grid | None = None
    values: Values | None = None
    alone: Errors | None = None
    own_error: float | None = None
    passed_error: float | None = None
    input_error: float = 0.0
    shielded: bool = False

    @property
    def quantized(self) -> bool:
        """Whether the candidate holds it as integers."""
        return self.grid is not None

    @property
    def damage(self) -> float:
        """The error of the layer alone, in it or in what reads it; without that, what it adds."""
        if self.own_error is None:
            return self.error_added
        passed = self.passed_error or 0.0
        made = math.sqrt(max(0.0, self.own_error**2 - self.input_error**2))
        return passed if self.shielded else max(made, passed)

    @property
    def keep_float(self) -> str:
        """What names it to ``edgeml convert --keep-float``: its operator, or the tensor."""
        return self.node or self.name

    def to_json(self) -> dict[str, Any]:
        """Return the entry; a figure that is infinite is null (``sqnr_db``: no difference)."""
        figures = self.parity.to_json()
        return {
            "name": self.name,
            "op": self.op,
            "node": self.node,
            "shape": None if self.shape is None else list(self.shape),
            "candidate": {"name": self.candidate, "op": self.candidate_op},
            "matched": self.matched,
            "inputs": list(self.inputs),
            **{key: figures[key] for key in ("sqnr_db", "max_abs", "rel_range", "cosine")},
            "saturation": self.saturation,
            "error_added": self.error_added if math.isfinite(self.error_added) else None,
            "quantized": self.quantized,
            **self._values(),
        }

    def _values(self) -> dict[str, Any]:
        """Return what the values are like; nothing where nothing is quantized."""
        found = self.values
        if found is None:
            return {}
        low, high = found.range
        ends = None if self.grid is None else self.grid.ends
        return {
            "range": {"low": low, "high": high},
            "grid": None
            if self.grid is None or ends is None
            else {
                "low": ends[0],
                "high": ends[1],
                "scale": self.grid.scale,
                "zero_point": self.grid.zero_point,
                "dtype": self.grid.dtype,
            },
            "saturation_percent": None
            if ends is None
            else {"below": 100 * found.below, "above": 100 * found.above},
            "channels": {"count": len(found.low), "span": span(found.magnitudes)},
            "own_error": self.own_error,
            "passed_error": self.passed_error,
            "input_error": self.input_error,
            "shielded": self.shielded,
            "damage": self.damage if math.isfinite(self.damage) else None,
            "shift_share": None if self.alone is None else self.alone.shift_share,
        }


@dataclass(frozen=True)
class LayerComparison:
    """Two models tensor by tensor.

    Args:
        layers: The tensors that both have, in the order of the reference.
        tolerance: The ``rel_range`` from which a tensor counts as diverged.
        sqnr_limit_db: A tensor above it has not diverged, whatever its largest error: a few
            values far off are no more than rounding. None where ``tolerance`` alone counts.
        samples: How many samples were compared.
        fused: Tensors of the reference inside what is one operator of the candidate.
        unmatched: Tensors of the reference without a partner, fused ones apart.
        extra: Tensors of the candidate without a partner.
        notes: What else the reader should know, in sentences.
        hints: What does the most damage and what helps, the worst first.
    """

    layers: tuple[Layer, ...]
    tolerance: float
    sqnr_limit_db: float | None
    samples: int
    fused: tuple[str, ...]
    unmatched: tuple[str, ...]
    extra: tuple[str, ...]
    notes: tuple[str, ...] = ()
    hints: tuple[Hint, ...] = ()

    @property
    def first_divergence(self) -> Layer | None:
        """The first tensor beyond the tolerance, None when all are within."""
        return next((layer for layer in self.layers if self._diverged(layer.parity)), None)

    def _diverged(self, parity: OutputParity) -> bool:
        limit = math.inf if self.sqnr_limit_db is None else self.sqnr_limit_db
        return parity.rel_range > self.tolerance and parity.sqnr_db < limit

    @property
    def worst_first(self) -> tuple[Layer, ...]:
        """The layers, those that do the most damage first."""
        return tuple(sorted(self.layers, key=lambda layer: -layer.damage))

    @property
    def exclude(self) -> tuple[Layer, ...]:
        """The quantized layers that do the most damage: the first to keep in float."""
        found = [e for e in self.worst_first if e.quantized and e.op != INPUT and e.damage > 0]
        worst = found[:_ADVISED]
        return tuple(e for e in worst if e.damage >= _WORTH_NAMING * worst[0].damage)

    @property
    def histograms(self) -> tuple[Distribution, ...]:
        """The values of the quantized tensors whose layers do the most damage, the worst first."""
        found = (
            distribution_of(layer.name, layer.keep_float, layer.values, layer.grid)
            for layer in self.worst_first
            if layer.values is not None and layer.grid is not None
        )
        return tuple(islice(found, _DRAWN))

    @property
    def matched(self) -> Mapping[str, int]:
        """How many tensors were matched in which way."""
        ways = [layer.matched for layer in self.layers]
        return {way: ways.count(way) for way in dict.fromkeys(ways)}

    def to_json(self) -> dict[str, Any]:
        """Return the ``layers`` entry of a comparison document."""
        first = self.first_divergence
        return {
            "tolerance": self.tolerance,
            "sqnr_limit_db": self.sqnr_limit_db,
            "samples": self.samples,
            "first_divergence": None if first is None else first.name,
            "exclude": [layer.keep_float for layer in self.exclude],
            "matched": {
                **self.matched,
                "tensors": len(self.layers),
                "fused": len(self.fused),
                "unmatched": list(self.unmatched),
                "extra": list(self.extra),
            },
            "notes": list(self.notes),
            "hints": [hint.to_json() for hint in self.hints],
            "histograms": [entry.to_json() for entry in self.histograms],
            "tensors": [layer.to_json() for layer in self.layers],
        }
