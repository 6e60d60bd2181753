"""The search for causes: every cause at every layer, the worst of each kind, the worst first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from edgeml_converters.layers.diagnosis import products, ranges
from edgeml_converters.layers.diagnosis.evidence import WORTH_SAYING, WORTH_SAYING_IF_BAD
from edgeml_converters.layers.diagnosis.scene import Scene, build_scenes
from edgeml_converters.layers.diagnosis.spread import output_error, spread
from edgeml_converters.layers.hint import Hint
from edgeml_converters.layers.matching import Pair
from edgeml_converters.layers.network import Network
from edgeml_converters.layers.report import Layer
from edgeml_converters.layers.sums import Measured
from edgeml_converters.layers.weights import Weights

LIMIT: Final = 5
"""The most hints that are given."""

CAUSES: Final[tuple[Callable[[Scene], Hint | None], ...]] = (
    ranges.saturation,
    products.tensor_weights,
    products.channels,
    ranges.gap,
    ranges.flat,
    ranges.outliers,
    products.shift,
    products.residual,
    products.weights,
    ranges.output,
)
"""Of causes that do the same damage, the first is named first."""


def find_hints(
    layers: Sequence[Layer],
    mine: Network,
    theirs: Network,
    weights: Callable[[int], Weights | None],
    results: Mapping[Pair, Measured],
) -> tuple[Hint, ...]:
    """Return what does the most damage to a quantized model, the worst first.

    Args:
        layers: What was measured, in the order of *results*.
        mine: The reference.
        theirs: The candidate.
        weights: Gives the candidate's integer weights by position.
        results: The pairs that were compared.
    """
    scenes = build_scenes(layers, tuple(results), mine, theirs, weights)
    off = output_error(scenes) >= WORTH_SAYING
    least = WORTH_SAYING_IF_BAD if off else WORTH_SAYING
    found: dict[str, list[Hint]] = {}
    for cause in CAUSES:
        for scene in scenes:
            hint = cause(scene)
            if hint is not None and hint.damage >= least:
                found.setdefault(hint.kind, []).append(hint)
    merged = [_merged(hints) for hints in found.values()]
    if off and not merged:
        together = spread(scenes)
        return () if together is None else (together,)
    return tuple(sorted(merged, key=lambda hint: -hint.damage)[:LIMIT])


def _merged(hints: Sequence[Hint]) -> Hint:
    """Return the worst of a kind, with the names of the next ones."""
    worst, *others = sorted(hints, key=lambda hint: -hint.damage)
    also = dict.fromkeys(hint.node for hint in others if hint.node != worst.node)
    return replace(worst, also=tuple(also))
