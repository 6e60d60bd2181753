"""What lies before and between the tensors that were compared."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from edgeml_converters.layers.families import load_families
from edgeml_converters.layers.matching import Pair
from edgeml_converters.layers.network import Network

_FLAT, _IMAGE = 2, 3  # ranks


@dataclass(frozen=True)
class Unpaired:
    """Positions of the tensors without a partner.

    Args:
        fused: Of the reference, inside what is one operator of the candidate.
        missing: Of the reference, all others.
        extra: Of the candidate, but for those inside what is one operator of the reference.
    """

    fused: tuple[int, ...]
    missing: tuple[int, ...]
    extra: tuple[int, ...]


def compared_inputs(network: Network, at: int, paired: AbstractSet[int]) -> tuple[int, ...]:
    """Return the nearest tensors before the one at *at* that have a partner, in order."""
    return tuple(sorted(_before(network, at, paired) & paired))


def features_of(network: Network) -> tuple[tuple[int, ...] | None, ...]:
    """Return for each tensor the shape that it was flattened from, where that is known."""
    moves = load_families().moves
    found: list[tuple[int, ...] | None] = []
    for tensor in network.tensors:
        shape = None
        if tensor.inputs and tensor.shape is not None and len(tensor.shape) == _FLAT:
            source = network.tensors[tensor.inputs[0]]
            sizes = [size for size in source.shape or () if size is not None]
            if source.shape == tensor.shape:
                shape = found[tensor.inputs[0]]
            elif tensor.op in moves and len(sizes) == len(source.shape or ()) >= _IMAGE:
                shape = tuple(sizes)
        found.append(shape)
    return tuple(found)


def unpaired(reference: Network, candidate: Network, pairs: Sequence[Pair]) -> Unpaired:
    """Return the tensors without a partner, by whether a matched one explains them."""
    mine, theirs = {p.reference for p in pairs}, {p.candidate for p in pairs}
    inside: tuple[set[int], set[int]] = (set(), set())
    open_: tuple[set[int], set[int]] = (set(), set())
    for pair in pairs:
        between = (
            _before(reference, pair.reference, mine) - mine,
            _before(candidate, pair.candidate, theirs) - theirs,
        )
        for side in (0, 1):
            (open_ if between[1 - side] else inside)[side].update(between[side])
    fused = inside[0] - open_[0]
    missing = set(range(len(reference.tensors))) - mine - fused
    extra = set(range(len(candidate.tensors))) - theirs - (inside[1] - open_[1])
    return Unpaired(tuple(sorted(fused)), tuple(sorted(missing)), tuple(sorted(extra)))


def _before(network: Network, at: int, paired: AbstractSet[int]) -> set[int]:
    """Return the tensors before one, back to the nearest that have a partner, those included."""
    found: set[int] = set()
    waiting = list(network.tensors[at].inputs)
    while waiting:
        source = waiting.pop()
        if source not in found:
            found.add(source)
            if source not in paired:
                waiting.extend(network.tensors[source].inputs)
    return found
