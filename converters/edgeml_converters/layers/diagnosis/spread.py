"""What is said where no cause is found: small errors that add up, or one layer."""

import math
from collections.abc import Sequence

from edgeml_converters.layers.diagnosis.evidence import hint, per_cent, short
from edgeml_converters.layers.diagnosis.scene import Scene
from edgeml_converters.layers.hint import Hint

_MOST = 0.5
"""The share of all errors from which a layer stands out."""


def spread(scenes: Sequence[Scene]) -> Hint | None:
    """Return a hint where the outputs are off although no layer alone is."""
    outputs = [scene for scene in scenes if scene.is_output and scene.layer.own_error is not None]
    layers = [scene for scene in scenes if scene.layer.own_error]
    if not outputs or len(layers) < 2:
        return None
    worst = max(outputs, key=_error)
    largest = max(layers, key=lambda scene: scene.layer.own_error or 0.0)
    own = largest.layer.own_error or 0.0
    total = sum((scene.layer.own_error or 0.0) ** 2 for scene in layers)
    if own**2 >= _MOST * total:
        return _one(largest, own)
    shifted = sum(
        (scene.layer.own_error or 0.0) ** 2 * scene.layer.alone.shift_share
        for scene in layers
        if scene.layer.alone is not None and scene.weights is not None
    )
    weights = min(total, sum(_weight_noise(scene) for scene in layers))
    finding = (
        f"No layer stands out: {len(layers)} layers with errors of their own of up to "
        f"{per_cent(own)} ({largest.name}) come to {per_cent(_error(worst))} in "
        f"{worst.words}. The rounding of weights makes {per_cent(weights / total)} of them, that "
        f"of values the rest; {per_cent(shifted / total)} are shifts of whole channels"
    )
    figures = {
        "layers": len(layers),
        "largest_percent": 100 * own,
        "weights_percent": 100 * weights / total,
        "shift_percent": 100 * shifted / total,
    }
    return hint("spread", worst, _error(worst), finding, figures)


def _one(scene: Scene, own: float) -> Hint | None:
    """Return a hint at the one layer that makes the error, of a cause that is not known."""
    finding = f"{short(scene.name)} ({scene.layer.op}) alone makes an error of {per_cent(own)}"
    return hint("layer", scene, own, finding, {"own_percent": 100 * own})


def _weight_noise(scene: Scene) -> float:
    return min(
        float(scene.weight_noise().mean()) / scene.power, (scene.layer.own_error or 0.0) ** 2
    )


def output_error(scenes: Sequence[Scene]) -> float:
    """Return the error of the worst output, as a share of its root mean square."""
    return max((_error(scene) for scene in scenes if scene.is_output), default=0.0)


def _error(scene: Scene) -> float:
    """Return the whole error, as a share of the root mean square."""
    sqnr_db = scene.layer.parity.sqnr_db
    return float(10 ** (-sqnr_db / 20)) if math.isfinite(sqnr_db) else 0.0
