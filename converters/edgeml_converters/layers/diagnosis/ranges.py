"""Causes that lie in one tensor's range: which values its integers are spent on."""

import math

from edgeml_converters.layers.diagnosis.evidence import FAR, hint, number, per_cent
from edgeml_converters.layers.diagnosis.flat_functions import flat_readers, useful_range
from edgeml_converters.layers.diagnosis.scene import Scene
from edgeml_converters.layers.hint import Hint

_HALF = 0.5
_OUTLIERS = (1e-4, 1e-3)
"""Shares of the values that count as few."""
_FEWEST = 10
"""Values that must be in such a share, so that it is more than chance."""


def saturation(scene: Scene) -> Hint | None:
    """Values beyond the integers, as calibration saw none like them."""
    if scene.grid is None:
        return None
    found, (low, high) = scene.values, scene.grid.ends
    share = found.below + found.above
    reach = found.range
    finding = (
        f"{per_cent(share)} of the values of {scene.words} lie beyond its integer range, "
        f"{number(low)} to {number(high)}: they reach from {number(reach[0])} to {number(reach[1])}"
    )
    damage = math.sqrt(found.clipped / scene.power)
    return hint(
        "saturation",
        scene,
        min(damage, scene.layer.damage) if scene.layer.shielded else damage,
        finding,
        {"saturated_percent": 100 * share, "low": reach[0], "high": reach[1]},
    )


def outliers(scene: Scene) -> Hint | None:
    """A few values that take most of the range."""
    if scene.grid is None or scene.crest < FAR or _gap(scene) is not None:
        return None  # a channel that is large throughout is another cause
    low, high = scene.grid.ends
    histogram = scene.values.histogram
    for few in _OUTLIERS:
        if few * histogram.total < _FEWEST:
            continue
        bulk = (min(0.0, histogram.quantile(few / 2)), max(0.0, histogram.quantile(1 - few / 2)))
        taken = 1 - (min(bulk[1], high) - max(bulk[0], low)) / (high - low)
        if taken >= _HALF:
            finding = (
                f"{per_cent(few)} of the values of {scene.words} take {per_cent(taken)} of its "
                f"range, {number(low)} to {number(high)}; all others lie between "
                f"{number(bulk[0])} and {number(bulk[1])}"
            )
            figures = {"share_percent": 100 * few, "taken_percent": 100 * taken}
            return hint("outliers", scene, scene.harm, finding, figures)
    return None


def gap(scene: Scene) -> Hint | None:
    """Two clusters far apart, as a mask of attention makes them."""
    found = _gap(scene)
    if found is None or scene.grid is None:
        return None
    low, high = scene.grid.ends
    start, end = found
    masked = scene.values.histogram.share_below((start + end) / 2)
    steps = round(255 * (max(high, 0.0) - end) / (high - low))
    finding = (
        f"{per_cent(masked)} of the values of {scene.words} lie at {number(low)} to "
        f"{number(start)}, as a mask does, and none up to {number(end)}: the others have "
        f"{steps} of 255 steps"
    )
    return hint("gap", scene, scene.harm, finding, {"masked_percent": 100 * masked, "steps": steps})


def _gap(scene: Scene) -> tuple[float, float] | None:
    """Return the empty stretch between a mask and the values, where that takes half the range."""
    if scene.grid is None or scene.grid.ends[0] > scene.values.histogram.widest_gap()[0]:
        return None  # the integers leave the mask out
    low, high = scene.values.range
    start, end = scene.values.histogram.widest_gap()
    if end - start < _HALF * (high - low) or start >= 0 or end - start < abs(high):
        return None
    masked = scene.values.histogram.share_below((start + end) / 2)
    return (start, end) if masked >= max(_OUTLIERS) else None


def flat(scene: Scene) -> Hint | None:
    """Most of the range lies where all that reads the tensor is flat."""
    functions = flat_readers(scene.ops)
    if scene.grid is None or not functions or _gap(scene) is not None:
        return None
    low, high = scene.grid.ends
    useful = useful_range(scene.ops, high)
    used = max(0.0, min(high, useful[1]) - max(low, useful[0]))
    wasted = 1 - used / (high - low)
    if wasted < _HALF:
        return None
    finding = (
        f"{per_cent(wasted)} of the range of {scene.words}, {number(low)} to {number(high)}, "
        f"lies where {' and '.join(dict.fromkeys(functions))} is flat "
        f"({_beyond((low, high), useful)})"
    )
    return hint("flat", scene, scene.harm, finding, {"wasted_percent": 100 * wasted})


def _beyond(ends: tuple[float, float], useful: tuple[float, float]) -> str:
    words = []
    if ends[0] < useful[0]:
        words.append(f"below {number(useful[0])}")
    if ends[1] > useful[1]:
        words.append(f"above {number(useful[1])}")
    return " and ".join(words)


def output(scene: Scene) -> Hint | None:
    """What the model gives is itself rounded."""
    if scene.grid is None or not scene.is_output or scene.values.clipped > 0:
        return None
    finding = (
        f"The model's output {scene.words} is itself rounded to steps of "
        f"{number(scene.grid.scale)}, which alone is an error of {per_cent(scene.rounding)}"
    )
    return hint("output", scene, scene.rounding, finding, {"step": scene.grid.scale})
