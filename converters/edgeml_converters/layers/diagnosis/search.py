"""The search for causes: every cause at every layer, the worst of each kind, the worst first."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from edgeml_converters.layers.diagnosis import products, ranges
from edgeml_converters.layers.diagnosis.evidence import WORTH_SAYING, WORTH_SAYING_IF_BAD
from edgeml_converters.layers.diagnosis.scene import Scene, build_scenes
from edgeml_converters.layers.diagnosis.spread import output_error, spread
from edgeml_converters.layers.hint import Hint
from edgeml_converters.layers.matching import Pair
from edgeml_converters.layers.network import Network
from edgeml_converters.layers.report import Layer, LayerComparison
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


def diagnosed(
    report: LayerComparison,
    mine: Network,
    theirs: Network,
    weights: Callable[[int], Weights | None],
    pairs: Sequence[Pair],
) -> LayerComparison:
    """Return a report with what the layers damage in others, and the hints.

    Args:
        report: What was measured.
        mine: The reference.
        theirs: The candidate.
        weights: Gives the candidate's integer weights by position.
        pairs: What was compared, in the order of the report.
    """
    scenes = build_scenes(report.layers, pairs, mine, theirs, weights)
    found = {scene.layer.name: _with_damage(scene) for scene in scenes}
    layers = [found.get(layer.name, layer) for layer in report.layers]
    named = {layer.name: layer for layer in layers}
    for scene in scenes:
        scene.layer = named[scene.layer.name]
    return replace(report, layers=tuple(layers), hints=find_hints(scenes))


def _with_damage(scene: Scene) -> Layer:
    """Return the layer with what it damages in others, and what others damage in it."""
    alone, passed = scene.layer.alone, None
    if alone is not None and scene.shielded:
        passed = scene.passed_to_functions
    elif alone is not None:
        readers = (r for _, r in scene.readers if r is not None and r.sources == (scene,))
        own = scene.layer.own_error or 0.0
        made = max(0.0, 1 - (scene.input_error / own) ** 2) if own else 0.0
        passed = max(scene.passed_on(alone.power * made), *(r.input_error for r in readers), 0.0)
    return replace(
        scene.layer,
        passed_error=passed,
        input_error=scene.input_error,
        shielded=scene.shielded,
    )


def find_hints(scenes: Sequence[Scene]) -> tuple[Hint, ...]:
    """Return what does the most damage to a quantized model, the worst first."""
    off = output_error(scenes) >= WORTH_SAYING
    least = WORTH_SAYING_IF_BAD if off else WORTH_SAYING
    found: dict[str, list[Hint]] = {}
    for cause in CAUSES:
        for scene in scenes:
            hint = cause(scene)
            if hint is not None and hint.damage >= least:
                found.setdefault(hint.kind, []).append(hint)
    merged = [_merged(hints) for hints in found.values()]
    worst = max((hint.damage for hint in merged), default=0.0)
    together = spread(scenes) if off and worst < output_error(scenes) / 2 else None
    if together is not None:
        merged.append(together)
    return tuple(sorted(merged, key=lambda hint: -hint.damage)[:LIMIT])


def _merged(hints: Sequence[Hint]) -> Hint:
    """Return the worst of a kind, with the names of the next ones."""
    worst, *others = sorted(hints, key=lambda hint: -hint.damage)
    also = dict.fromkeys(hint.node for hint in others if hint.node != worst.node)
    return replace(worst, also=tuple(also))
