"""What all causes have in common: from when they count, and how their hints are made."""

import math
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from edgeml_converters.layers.diagnosis.scene import Scene
from edgeml_converters.layers.hint import Hint

WORTH_SAYING = 0.05
"""The least damage that gets a hint: an error of a twentieth, an SQNR of 26 dB."""
WORTH_SAYING_IF_BAD = 0.03
"""The same where what the model gives is that far off."""
FAR = 16.0
"""From how many root mean squares of its channel a value is an outlier there."""


def hint(
    kind: str,
    scene: Scene,
    damage: float,
    finding: str,
    figures: Mapping[str, float],
    *,
    reader: str = "",
) -> Hint | None:
    """Return a hint at a layer; None where it does too little damage to say.

    Args:
        kind: The cause, which has its remedy in ``remedies.toml``.
        scene: Where it is.
        damage: The error that it brings, as a share of the root mean square of what it damages.
        finding: What was measured, without the full stop.
        figures: The numbers in it.
        reader: The layer that suffers, where the remedy names it.
    """
    if not WORTH_SAYING_IF_BAD <= damage < math.inf:
        return None
    return Hint(
        kind=kind,
        tensor=scene.layer.name,
        node=scene.name,
        damage=damage,
        finding=f"{finding}.",
        remedy=_remedies()[kind].format(node=scene.name, reader=reader),
        figures=figures,
    )


@cache
def _remedies() -> Mapping[str, str]:
    text = resources.files(__package__).joinpath("remedies.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def per_cent(share: float) -> str:
    """Return a share in words, with as many digits as tell something."""
    percents = 100 * share
    if percents >= 10 or percents == 0:
        return f"{percents:.0f} %"
    return f"{percents:.2g} %"


def number(value: float) -> str:
    """Return a value of a tensor in words."""
    return f"{value:.3g}"


def times(ratio: float) -> str:
    """Return how many times something is another."""
    return f"{ratio:.2g}x" if ratio < 10 else f"{ratio:.0f}x"


def short(name: str) -> str:
    """Return the first of the names that TensorFlow's converter joins for a fused operator."""
    first, joined, _ = name.partition(";")
    return f"{first};..." if joined else first
