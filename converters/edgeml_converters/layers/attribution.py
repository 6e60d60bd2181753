"""From measured pairs to layers: what each tensor's operators are, and the error they add."""

import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from edgeml_converters.layers.ancestry import compared_inputs, unpaired
from edgeml_converters.layers.blocks import find_blocks
from edgeml_converters.layers.matching import POSITION, Pair
from edgeml_converters.layers.network import Network
from edgeml_converters.layers.report import Layer, LayerComparison
from edgeml_converters.layers.sums import Measured
from edgeml_converters.verify.parity import OutputParity

_LARGEST_NOISE_LOG = 4


@dataclass(frozen=True)
class Limits:
    """From where a tensor counts as diverged; see ``LayerComparison``."""

    tolerance: float
    sqnr_db: float | None


def build_report(
    mine: Network,
    theirs: Network,
    results: Mapping[Pair, Measured],
    limits: Limits,
    samples: int,
) -> LayerComparison:
    """Return the report on *results*, which are in the order of the reference."""
    parities = {pair.reference: result.parity for pair, result in results.items()}
    chains = _chains(mine, parities.keys())
    layers = []
    for pair, result in results.items():
        tensor, other = mine.tensors[pair.reference], theirs.tensors[pair.candidate]
        before = compared_inputs(mine, pair.reference, parities.keys())
        layers.append(
            Layer(
                name=tensor.name,
                op="+".join(mine.tensors[at].op for at in chains[pair.reference]),
                node=mine.tensors[chains[pair.reference][0]].node,
                shape=tensor.shape,
                candidate=other.name,
                candidate_op=other.op,
                matched=pair.how,
                inputs=tuple(mine.tensors[at].name for at in before),
                parity=result.parity,
                saturation=result.saturation,
                error_added=_error_added(result.parity, [parities[at] for at in before]),
                grid=result.grid,
                values=result.values,
                alone=result.alone,
                own_error=result.own_error,
            )
        )
    rest = unpaired(mine, theirs, tuple(results))
    return LayerComparison(
        layers=tuple(layers),
        tolerance=limits.tolerance,
        sqnr_limit_db=limits.sqnr_db,
        samples=samples,
        fused=tuple(mine.tensors[at].name for at in rest.fused),
        unmatched=tuple(mine.tensors[at].name for at in rest.missing),
        extra=tuple(theirs.tensors[at].name for at in rest.extra),
        notes=_notes(layers),
    )


def _notes(layers: Sequence[Layer]) -> tuple[str, ...]:
    placed = [layer.name for layer in layers if layer.matched == POSITION]
    if not placed:
        return ()
    note = (
        f"{len(placed)} of the tensors, from {placed[0]} on, were matched by their position alone, "
        "as the models differ before them: if these differ much, they may not belong together."
    )
    return (note,)


def _chains(network: Network, paired: AbstractSet[int]) -> dict[int, tuple[int, ...]]:
    """Return for each compared tensor the operators fused into it, its own last."""
    chains: dict[int, tuple[int, ...]] = {at: (at,) for at in paired}
    for block in find_blocks(network):
        start = 0
        for index, at in enumerate(block.members):
            if at in paired:
                chains[at] = block.members[start : index + 1]
                start = index + 1
    return chains


def _error_added(parity: OutputParity, inputs: Sequence[OutputParity]) -> float:
    """Return the error that the worst input does not explain; errors add up by their power."""
    own, before = _noise(parity), max(map(_noise, inputs), default=0.0)
    return 0.0 if own <= before else math.sqrt(own - before)


def _noise(parity: OutputParity) -> float:
    """Return the power of the error as a share of the tensor's."""
    if parity.sqnr_db == -math.inf:
        return math.inf
    # A tensor of zeros has no power to speak of; it must not outrank all others.
    return float(10 ** min(-parity.sqnr_db / 10, _LARGEST_NOISE_LOG))
