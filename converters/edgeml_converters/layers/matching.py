"""Which tensor of one model is which of another.

By name where the names are the same. Where they are not, by structure: two blocks are the same when
they look the same, read the same and no others do. What is left is matched by position only when
both have as many products left, of the same sizes in the same order. Anything else stays unmatched.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from edgeml_converters.layers.axis_order import may_fit
from edgeml_converters.layers.blocks import Block, find_blocks
from edgeml_converters.layers.families import PRODUCT, load_families
from edgeml_converters.layers.network import LayerTensor, Network

NAME, STRUCTURE, POSITION, BORDER = "name", "structure", "position", "border"


@dataclass(frozen=True)
class Pair:
    """A tensor in both models: positions in the two networks, and how that was found."""

    reference: int
    candidate: int
    how: str


def match_tensors(
    reference: Network, candidate: Network, borders: Sequence[tuple[int, int]]
) -> tuple[Pair, ...]:
    """Return the tensors that both networks have, in the order of the reference.

    Args:
        reference: The network whose names and order count.
        candidate: The other.
        borders: Inputs and outputs that belong together, as positions.
    """
    matcher = _Matcher(reference, candidate)
    for mine, theirs in borders:
        matcher.add(mine, theirs, BORDER)
    matcher.match_names()
    matcher.match_structure()
    return tuple(sorted(matcher.pairs.values(), key=lambda pair: pair.reference))


class _Matcher:
    """The pairs found so far; no tensor is in two."""

    def __init__(self, reference: Network, candidate: Network) -> None:
        self.reference = reference
        self.candidate = candidate
        self.pairs: dict[int, Pair] = {}  # by position in the reference
        self._back: dict[int, Pair] = {}  # by position in the candidate
        self._blocks = (find_blocks(reference), find_blocks(candidate))
        self._numbers: dict[Hashable, int] = {}

    def add(self, mine: int, theirs: int, how: str) -> bool:
        """Note a pair; False where one of the two has another partner, or the sizes differ."""
        if mine in self.pairs or theirs in self._back:
            return False
        shapes = self.reference.tensors[mine].shape, self.candidate.tensors[theirs].shape
        if not may_fit(*shapes):
            return False
        self.pairs[mine] = self._back[theirs] = Pair(mine, theirs, how)
        return True

    def match_names(self) -> None:
        """Match tensors of the same name.

        A name that a converter joined of several stands for the last of them in the reference.
        """
        places: dict[str, int] = {}
        doubles = Counter(name for t in self.reference.tensors for name in set(t.names))
        for at, tensor in enumerate(self.reference.tensors):
            places.update((name, at) for name in tensor.names if doubles[name] == 1)
        for theirs, tensor in enumerate(self.candidate.tensors):
            found = [places[name] for name in tensor.names if name in places]
            if found:
                mine = max(found)
                self.add(
                    self._activated(0, mine, beside=tensor),
                    self._activated(1, theirs, beside=self.reference.tensors[mine]),
                    NAME,
                )

    def _activated(self, side: int, at: int, *, beside: LayerTensor) -> int:
        """Return what a tensor is behind its activation, where the other's is fused into it.

        Converters that take an activation out of an operator leave the name before it.
        """
        tensors = (self.reference, self.candidate)[side].tensors
        activations = load_families().activations
        if beside.activated and not tensors[at].activated and tensors[at].op not in activations:
            after = [
                m for block in self._blocks[side] if at in block.members for m in block.members
            ]
            return next((m for m in after if m > at and tensors[m].op in activations), at)
        return at

    def match_structure(self) -> None:
        """Match blocks until no more are found."""
        while self._match_unique() or self._match_inputs() or self._match_positions():
            pass

    def _match_unique(self) -> bool:
        """Match the blocks that look and read alike, when there is one on each side."""
        keys = [self._keys(side) for side in (0, 1)]
        mine, theirs = (self._by_key(side, keys[side]) for side in (0, 1))
        found = False
        for key, blocks in mine.items():
            others = theirs.get(key, [])
            if len(blocks) == len(others) == 1:
                found |= self._add_blocks(blocks[0], others[0], STRUCTURE)
        return found

    def _match_inputs(self) -> bool:
        """Match what matched blocks read, in order, where it looks and reads alike."""
        mine, theirs = ({block.last: block for block in blocks} for blocks in self._blocks)
        keys = [self._keys(side) for side in (0, 1)]
        found = False
        for pair in tuple(self.pairs.values()):
            block, other = mine.get(pair.reference), theirs.get(pair.candidate)
            if block is None or other is None or len(block.roots) != len(other.roots):
                continue
            for a, b in self._open_roots(block, other):
                if a in mine and b in theirs and keys[0][a] == keys[1][b]:
                    found |= self._add_blocks(mine[a], theirs[b], STRUCTURE)
        return found

    def _open_roots(self, block: Block, other: Block) -> list[tuple[int, int]]:
        """Return the inputs without a partner that must belong together."""
        if not block.commutes:
            return [
                (a, b)
                for a, b in zip(block.roots, other.roots, strict=True)
                if a not in self.pairs and b not in self._back
            ]
        mine = [a for a in block.roots if a not in self.pairs]
        theirs = [b for b in other.roots if b not in self._back]
        return [(mine[0], theirs[0])] if len(mine) == len(theirs) == 1 else []

    def _match_positions(self) -> bool:
        """Match the products that are left, when both have the same sizes in the same order."""
        mine, theirs = (
            [b for b in self._unmatched(side) if b.outline[0] == PRODUCT] for side in (0, 1)
        )
        if [block.outline for block in mine] != [block.outline for block in theirs]:
            return False
        matched = [
            self._add_blocks(block, other, POSITION)
            for block, other in zip(mine, theirs, strict=True)
        ]
        return any(matched)

    def _add_blocks(self, block: Block, other: Block, how: str) -> bool:
        if not self.add(block.last, other.last, how):
            return False
        if block.families == other.families:
            for mine, theirs in zip(block.members[:-1], other.members[:-1], strict=True):
                self.add(mine, theirs, how)
        return True

    def _unmatched(self, side: int) -> list[Block]:
        known = (self.pairs, self._back)[side]
        return [block for block in self._blocks[side] if block.last not in known]

    def _by_key(self, side: int, keys: dict[int, int]) -> dict[int, list[Block]]:
        found: dict[int, list[Block]] = defaultdict(list)
        for block in self._unmatched(side):
            found[keys[block.last]].append(block)
        return found

    def _keys(self, side: int) -> dict[int, int]:
        """Return a number for what each block's result is made of, down to matched tensors.

        Both sides number from one table, so that equal structures have equal numbers.
        """
        known = (self.pairs, self._back)[side]
        keys: dict[int, int] = {}
        for block in self._blocks[side]:
            read = [keys.get(at, self._number(known.get(at))) for at in block.roots]
            if block.commutes:
                read.sort()
            pair = known.get(block.last)
            structure = (block.outline, tuple(read))
            keys[block.last] = self._number(structure if pair is None else pair)
        return keys

    def _number(self, structure: Hashable) -> int:
        return self._numbers.setdefault(structure, len(self._numbers))
