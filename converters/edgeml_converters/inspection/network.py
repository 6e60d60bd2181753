"""A model as operators over tensors: what counting needs, and nothing of either format."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Tensor:
    """A tensor.

    Args:
        key: Unique in the network.
        shape: Sizes at batch 1, or None when they are not known.
        item_bits: The size of an element in bits; 0 where elements have no fixed size.
        constant: Whether the file holds its values.
    """

    key: str
    shape: tuple[int, ...] | None
    item_bits: int
    constant: bool = False


@dataclass(frozen=True)
class Operator:
    """An operator; an input that is left out is None.

    Args:
        type: Its name in the format.
        inputs: What it reads, in the format's order.
        outputs: What it writes.
        name: As the file calls it: the node, or else the tensor that it writes first.
        captured: What the graphs inside it (branches, loop bodies) read from outside.
    """

    type: str
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    name: str = ""
    captured: tuple[Tensor, ...] = ()


@dataclass(frozen=True)
class Network:
    """A model's main graph, its operators in an order in which they can run."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    operators: tuple[Operator, ...]


def most_frequent(counts: Mapping[str, int]) -> dict[str, int]:
    """Return *counts* with the largest first, equal ones by name."""
    return dict(sorted(Counter(counts).items(), key=lambda item: (-item[1], item[0])))
