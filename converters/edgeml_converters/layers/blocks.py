"""A network as blocks: an operator with what converters fuse into it.

Conv, BatchNormalization and Relu of one file are a single operator of another. Their last tensor is
in both.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from edgeml_converters.layers.axis_order import signature
from edgeml_converters.layers.families import PRODUCT, load_families
from edgeml_converters.layers.network import INPUT, Network

Outline = tuple[str, tuple[int, ...] | None]
"""The family of a block's first operator, and the sizes of its result without order."""


@dataclass(frozen=True)
class Block:
    """Operators in a row.

    Args:
        members: Positions of their tensors.
        roots: What the first one reads, positions, moves looked through.
        outline: What it looks like from outside.
        families: Of each operator.
        commutes: Whether the first one reads its inputs in any order.
    """

    members: tuple[int, ...]
    roots: tuple[int, ...]
    outline: Outline
    families: tuple[str, ...]
    commutes: bool

    @property
    def last(self) -> int:
        """The position of the result."""
        return self.members[-1]


def find_blocks(network: Network) -> tuple[Block, ...]:
    """Return the blocks of a network in its order; inputs and moves are in none."""
    table = load_families()
    chains: dict[int, list[int]] = {}  # by the position of their last tensor so far
    readers = network.readers()
    for at, tensor in enumerate(network.tensors):
        if tensor.op == INPUT or tensor.op in table.moves:
            continue
        source = tensor.inputs[0] if len(tensor.inputs) == 1 else -1
        chain = chains.get(source)
        fused = tensor.op in table.activations or (
            tensor.op in table.affine
            and chain is not None
            and table.of(network.tensors[chain[0]].op) == PRODUCT
        )
        hidden = source not in network.outputs and len(readers[source]) == 1
        if chain is not None and fused and hidden:
            chains[at] = [*chains.pop(source), at]
        else:
            chains[at] = [at]
    return tuple(_block(network, chains[last]) for last in sorted(chains))


def root(network: Network, at: int) -> int:
    """Return what a tensor is behind the operators that only move values."""
    moves = load_families().moves
    while network.tensors[at].op in moves and network.tensors[at].inputs:
        at = network.tensors[at].inputs[0]
    return at


def _block(network: Network, members: Sequence[int]) -> Block:
    table = load_families()
    first, last = network.tensors[members[0]], network.tensors[members[-1]]
    return Block(
        members=tuple(members),
        roots=tuple(root(network, at) for at in first.inputs),
        outline=(table.of(first.op), signature(last.shape)),
        families=tuple(table.of(network.tensors[at].op) for at in members),
        commutes=first.op in table.commutative,
    )
