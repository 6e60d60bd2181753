"""Causes that lie in a product: its weights, the channels that it reads, its bias."""

import numpy as np

from edgeml_converters.layers.diagnosis.evidence import FAR, hint, number, per_cent, short, times
from edgeml_converters.layers.diagnosis.scene import Scene, matching
from edgeml_converters.layers.hint import Hint
from edgeml_converters.layers.weights import Weights, span

_UNEVEN = 8.0
"""How many times one channel's range must be another's to be the trouble."""
_MOSTLY = 0.5
_SHIFTED = 0.3
"""The share of an error from which a correction of the bias takes off what counts."""
_SHOWN = 0.05
"""Channels count that bring this share of what the worst brings."""
_PLACES = 64
"""Values of a channel from which a mean error is no chance."""


def tensor_weights(scene: Scene) -> Hint | None:
    """Output channels of uneven weights that share one scale."""
    held = scene.weights
    if held is None or held.per_channel or held.span < _UNEVEN:
        return None
    finding = (
        f"The weights of {short(scene.name)} span {times(held.span)} across channels and share one "
        f"scale: the smallest channel has {held.fewest_steps} of 127 steps"
    )
    figures = {"span": held.span, "steps": held.fewest_steps}
    return hint("tensor_weights", scene, _weight_damage(scene), finding, figures)


def weights(scene: Scene) -> Hint | None:
    """Weights whose own rounding does the damage."""
    held = scene.weights
    if held is None or (not held.per_channel and held.span >= _UNEVEN):
        return None
    if len(scene.sources) == 1 and channels(scene.sources[0]) is not None:
        return None  # the weights are as uneven as the channels that they read
    noise = _weight_damage(scene)
    added = f"alone brings an error of about {per_cent(noise)}"
    if held.is_depthwise:
        finding = (
            f"The rounding of the depthwise weights of {short(scene.name)} {added}: "
            f"of {held.taps} products each, errors hardly average out"
        )
        return hint("depthwise", scene, noise, finding, {"taps": held.taps})
    finding = f"The rounding of the weights of {short(scene.name)} {added}"
    return hint("weights", scene, noise, finding, {"taps": held.taps})


def _weight_damage(scene: Scene) -> float:
    """Return what the rounding of the weights brings; an estimate counts up to what is measured."""
    return min(scene.brought(scene.weight_noise()), scene.layer.damage)


def channels(scene: Scene) -> Hint | None:
    """Channels of the tensor far apart, where a product that reads it needs the small ones."""
    found = [
        (*_uneven(scene, reader.weights, reader.input_noise()), reader.name)
        for _, reader in scene.readers
        if reader is not None and reader.weights is not None and reader.sources == (scene,)
    ]
    damage, small, reader = max(found, default=(0.0, 0.0, ""))
    if scene.grid is None or small <= 0 or scene.crest >= FAR:
        return None
    largest = float(scene.values.magnitudes.max())
    steps = round(small / scene.grid.scale)
    left = f"{steps} of 255 steps" if steps else "less than one step of 255"
    finding = (
        f"The channels of {scene.words} span {times(largest / small)}, from {number(small)} to "
        f"{number(largest)}: one scale leaves the small ones {left}"
    )
    figures = {"span": largest / small, "steps": steps}
    kind = "channels" if scene.weights is not None else "channels_of_no_product"
    return hint(kind, scene, damage, finding, figures, reader=reader)


def _uneven(scene: Scene, held: Weights, noise: float) -> tuple[float, float]:
    """Return the damage that small channels do in a product, and the smallest magnitude of them."""
    magnitudes = scene.values.magnitudes
    if magnitudes.size != held.inputs:
        return 0.0, 0.0
    brought = held.power * matching(scene.values.rounding, held)
    small = (magnitudes > 0) & (magnitudes * _UNEVEN <= magnitudes.max())
    share = float(brought[small].sum() / brought.sum()) if brought.sum() else 0.0
    if share < _MOSTLY:
        return 0.0, 0.0
    counted = small & (brought >= _SHOWN * brought[small].max())
    return noise * float(np.sqrt(share)), float(magnitudes[counted].min())


def shift(scene: Scene) -> Hint | None:
    """An error that is the same in all of a channel."""
    alone = scene.layer.alone
    if alone is None or alone.places < _PLACES or alone.shift_share < _SHIFTED:
        return None
    share = alone.shift_share
    finding = (
        f"{per_cent(share)} of the error that {short(scene.name)} makes is a shift of whole "
        "channels, the same in all values"
    )
    damage = scene.brought(np.square(alone.shift))
    return hint("shift", scene, damage, finding, {"shift_percent": 100 * share})


def residual(scene: Scene) -> Hint | None:
    """A sum of two tensors of which one is far smaller than the steps of the other allow."""
    if scene.layer.op not in {"Add", "ADD"} or len(scene.sources) != 2:
        return None
    sizes = sorted(float(source.values.power.mean()) ** 0.5 for source in scene.sources)
    ratio = span(np.asarray(sizes))
    if ratio < _UNEVEN:
        return None
    finding = (
        f"The two inputs of {short(scene.name)} lie {times(ratio)} apart (root mean square "
        f"{number(sizes[0])} and {number(sizes[1])}): the steps of the large one cover the small"
    )
    return hint("residual", scene, scene.layer.damage, finding, {"ratio": ratio})
