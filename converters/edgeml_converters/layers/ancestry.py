"""What lies before and between the tensors that were compared."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from edgeml_converters.layers.blocks import find_blocks
from edgeml_converters.layers.families import load_families
from edgeml_converters.layers.matching import Pair
from edgeml_converters.layers.network import Network

_FLAT, _IMAGE = 2, 3  # ranks


@dataclass(frozen=True)
class Unpaired:
    """Positions of the tensors without a partner, but for those that only move values.

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
    """Return the tensors without a partner, by whether a matched one explains them.

    What lies between matched tensors is explained where it is in one block with the last of them,
    or where the other model has nothing in its place.
    """
    sides = (
        _Side(reference, {pair.reference for pair in pairs}),
        _Side(candidate, {pair.candidate for pair in pairs}),
    )
    for pair in pairs:
        mine, theirs = (
            side.between(at)
            for side, at in zip(sides, (pair.reference, pair.candidate), strict=True)
        )
        sides[0].note(mine, explained=not theirs)
        sides[1].note(theirs, explained=not mine)
    return Unpaired(sides[0].explained(), sides[0].alone(), sides[1].alone())


class _Side:
    """The tensors of one network without a partner; those that only move values do not count."""

    def __init__(self, network: Network, paired: AbstractSet[int]) -> None:
        moves = load_families().moves
        self._network = network
        self._paired = paired
        self._alone = {
            at for at, t in enumerate(network.tensors) if t.op not in moves and at not in paired
        }
        blocks = {at: set(block.members) for block in find_blocks(network) for at in block.members}
        self._blocks = blocks
        self._inside = {m for at in paired for m in blocks.get(at, ()) if m < at} & self._alone
        self._open: set[int] = set()

    def between(self, at: int) -> set[int]:
        """Return what lies before a matched tensor and is not in its block."""
        before = _before(self._network, at, self._paired) & self._alone
        return before - self._blocks.get(at, set())

    def note(self, positions: AbstractSet[int], *, explained: bool) -> None:
        """Count tensors as explained by a matched one, or not."""
        (self._inside if explained else self._open).update(positions)

    def explained(self) -> tuple[int, ...]:
        """Return the tensors that every matched one after them explains."""
        return tuple(sorted(self._inside - self._open))

    def alone(self) -> tuple[int, ...]:
        """Return all others."""
        return tuple(sorted(self._alone - (self._inside - self._open)))


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
