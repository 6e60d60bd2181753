"""The result of a comparison tensor by tensor."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgeml_converters.layers.network import INPUT, Shape
from edgeml_converters.verify.parity import OutputParity

_ADVISED = 3
"""The most layers that are named to be kept out of int8."""
_WORTH_NAMING = 0.3
"""Of the largest error that a layer adds; those that add less are not named."""


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
        quantized: Whether the candidate holds it as integers.
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
    quantized: bool

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
        }


@dataclass(frozen=True)
class LayerComparison:
    """Two models tensor by tensor.

    Args:
        layers: The tensors that both have, in the order of the reference.
        tolerance: The ``rel_range`` from which a tensor counts as diverged.
        samples: How many samples were compared.
        fused: Tensors of the reference inside what is one operator of the candidate.
        unmatched: Tensors of the reference without a partner, fused ones apart.
        extra: Tensors of the candidate without a partner.
        notes: What else the reader should know, in sentences.
    """

    layers: tuple[Layer, ...]
    tolerance: float
    samples: int
    fused: tuple[str, ...]
    unmatched: tuple[str, ...]
    extra: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def first_divergence(self) -> Layer | None:
        """The first tensor beyond the tolerance, None when all are within."""
        return next((e for e in self.layers if not e.parity.rel_range <= self.tolerance), None)

    @property
    def worst_first(self) -> tuple[Layer, ...]:
        """The layers, those that add the most error first."""
        return tuple(sorted(self.layers, key=lambda layer: -layer.error_added))

    @property
    def exclude(self) -> tuple[Layer, ...]:
        """The quantized layers that add the most error: the first to keep in float."""
        found = [e for e in self.worst_first if e.quantized and e.op != INPUT and e.error_added > 0]
        worst = found[:_ADVISED]
        return tuple(e for e in worst if e.error_added >= _WORTH_NAMING * worst[0].error_added)

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
            "samples": self.samples,
            "first_divergence": None if first is None else first.name,
            "exclude": [layer.node or layer.name for layer in self.exclude],
            "matched": {
                **self.matched,
                "tensors": len(self.layers),
                "fused": len(self.fused),
                "unmatched": list(self.unmatched),
                "extra": list(self.extra),
            },
            "notes": list(self.notes),
            "tensors": [layer.to_json() for layer in self.layers],
        }
