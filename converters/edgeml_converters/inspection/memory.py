"""The most memory that a network's activations take at once.

The model of an engine: operators run in the file's order; a tensor is held from the operator that
writes it to the last that reads it; inputs and outputs of the network are the caller's and are held
throughout. Some tensors share a buffer: one that is only renamed (Reshape ...), one that a fused
activation writes in place, and the float tensors between QuantizeLinear and DequantizeLinear, which
engines fuse into integer kernels. Weights, padding of buffers and an engine's scratch memory are
not counted: a run takes at least this much.
"""

import math
from collections import Counter
from dataclasses import dataclass, field

from edgeml_converters.inspection.arena import Lifetime, arena_bytes
from edgeml_converters.inspection.network import Network, Operator, Tensor

RENAMING = frozenset(
    {
        *("Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"),
        *("EXPAND_DIMS", "RESHAPE", "SQUEEZE"),
        "DequantizeLinear",
    }
)
"""The result is the first input under another name, whoever else reads that."""

IN_PLACE = frozenset({"BatchNormalization", "Clip", "QuantizeLinear", "Relu", "RELU", "RELU6"})
"""The result takes the first input's place, if nobody else reads that."""


@dataclass
class _Buffer:
    """A buffer, held from operator *first* to operator *last*."""

    size_bytes: int | None
    first: int
    last: int


@dataclass
class _Buffers:
    """Which tensors share a buffer, and when each buffer is held."""

    parent: dict[str, str] = field(default_factory=dict)
    constants: set[str] = field(default_factory=set)
    readers: Counter[str] = field(default_factory=Counter)
    buffers: dict[str, _Buffer] = field(default_factory=dict)

    def root(self, key: str) -> str:
        while key in self.parent:
            key = self.parent[key]
        return key

    def share(self, result: str, source: str) -> None:
        result, source = self.root(result), self.root(source)
        if result != source:
            self.parent[result] = source

    def hold(self, tensor: Tensor, step: int) -> None:
        key = self.root(tensor.key)
        size_bytes = _size_bytes(tensor)
        nobody_asks = size_bytes is None and not self.readers[tensor.key]  # Dropout's mask
        if key in self.constants or nobody_asks:
            return
        buffer = self.buffers.setdefault(key, _Buffer(size_bytes, step, step))
        buffer.first, buffer.last = min(buffer.first, step), max(buffer.last, step)
        if size_bytes is not None:  # of shared tensors the smallest is real: int8, not float
            buffer.size_bytes = min(size_bytes, buffer.size_bytes or size_bytes)


@dataclass(frozen=True)
class Memory:
    """What activations take, in bytes; None where it is not known.

    Args:
        peak_bytes: The most that is held at once.
        arena_bytes: The block that an engine lays it into; see `arena`.
    """

    peak_bytes: int | None
    arena_bytes: int | None


def activation_memory(network: Network) -> Memory:
    """Return what the activations of a network take; nothing is known if one size is not."""
    held = _shared_buffers(network)
    end = len(network.operators)
    for tensor in (*network.inputs, *network.outputs):
        held.hold(tensor, 0)
        held.hold(tensor, end)
    for step, operator in enumerate(network.operators):
        for tensor in (*_reads(operator), *operator.outputs):
            held.hold(tensor, step)
    buffers = held.buffers.values()
    lifetimes = [
        Lifetime(buffer.size_bytes, buffer.first, buffer.last)
        for buffer in buffers
        if buffer.size_bytes is not None
    ]
    if len(lifetimes) < len(buffers):
        return Memory(None, None)
    return Memory(_peak(lifetimes, end + 1), arena_bytes(lifetimes))


def _reads(operator: Operator) -> tuple[Tensor, ...]:
    return (*(tensor for tensor in operator.inputs if tensor is not None), *operator.captured)


def _shared_buffers(network: Network) -> _Buffers:
    """Find which tensors live in another's buffer, and which the file holds."""
    held = _Buffers()
    for operator in network.operators:
        for tensor in _reads(operator):
            held.readers[tensor.key] += 1
            if tensor.constant:
                held.constants.add(tensor.key)
    held.readers.update(tensor.key for tensor in network.outputs)
    fed = {tensor.key for tensor in network.inputs}
    given = {tensor.key for tensor in network.outputs}
    for operator in network.operators:
        source = operator.inputs[0] if operator.inputs else None
        if source is None or not operator.outputs:
            continue
        result = operator.outputs[0].key
        renamed = operator.type in RENAMING and not (source.key in fed and result in given)
        in_place = (
            operator.type in IN_PLACE
            and held.readers[source.key] == 1
            and source.key not in fed | given | held.constants
        )
        if renamed or in_place:
            held.share(result, source.key)
    return held


def _size_bytes(tensor: Tensor) -> int | None:
    if tensor.shape is None:
        return None
    return math.ceil(math.prod(tensor.shape) * tensor.item_bits / 8)


def _peak(buffers: list[Lifetime], steps: int) -> int:
    change = [0] * (steps + 1)
    for buffer in buffers:
        change[buffer.first] += buffer.size_bytes
        change[buffer.last + 1] -= buffer.size_bytes
    peak = level = 0
    for step in change:
        level += step
        peak = max(peak, level)
    return peak
