"""Running two models side by side and measuring every tensor that both have."""

import math
from collections.abc import Callable, Iterable, Sequence

from edgeml_converters.layers.ancestry import features_of
from edgeml_converters.layers.attribution import Limits, build_report
from edgeml_converters.layers.channel_axes import channel_axes
from edgeml_converters.layers.diagnosis import diagnosed
from edgeml_converters.layers.matching import Pair, match_tensors
from edgeml_converters.layers.measuring import Group, Inputs, Models
from edgeml_converters.layers.network import LayeredModel, LayerTensor, Network
from edgeml_converters.layers.report import LayerComparison
from edgeml_converters.layers.sums import PairSums
from edgeml_converters.verify.adaptation import artifact_feeder, port_positions
from edgeml_runtime.progress import Progress, silent

GROUP_BYTES = 256 << 20
"""The most that the tensors read at once take in both models, as float32."""
QUANTIZED_TOLERANCE = 0.1
"""Stands for a tolerance that is finer than integers of 8 bits can be."""
QUANTIZED_SQNR_DB = 20.0
"""Where integers are compared, a tensor above this has not diverged: its error is a tenth of it."""
_INT8_STEP = 1 / 255
_PAIR_BYTES = 8  # an element of both models, as float32


def compare_layers(
    reference: LayeredModel,
    candidate: LayeredModel,
    samples: Iterable[Inputs],
    tolerance: float,
    *,
    group_bytes: int = GROUP_BYTES,
    progress: Progress = silent,
    total: int = 0,
) -> LayerComparison:
    """Run two models on the same inputs and compare their intermediate tensors.

    Samples are held one at a time, and tensors in groups: where all do not fit in *group_bytes*,
    the models are run once for each group.

    Args:
        reference: The model that is held to be right.
        candidate: The model that is compared with it.
        samples: Inputs in the layout and types of the reference; read once for each group.
        tolerance: The largest error, as a share of the tensor's range, that is no divergence. Where
            one of the models is quantized, one below a step of int8 counts as
            ``QUANTIZED_TOLERANCE``, and the SQNR must be below ``QUANTIZED_SQNR_DB`` too.
        group_bytes: How many bytes of tensors to read at once, at least one pair.
        progress: Told of each sample.
        total: How many samples there are, if that is known.

    Raises:
        InputError: A model cannot be run, or the models do not have the same inputs and outputs.
    """
    mine, theirs = reference.network, candidate.network
    pairs = match_tensors(mine, theirs, _borders(reference, candidate))
    quantized = any(tensor.grid for tensor in theirs.tensors)
    sums = _sums(mine, theirs, pairs, quantized=quantized)
    feed = artifact_feeder(reference.inputs, candidate.inputs)
    models = Models(reference, candidate, feed, alone=quantized)
    groups = _groups(pairs, mine, group_bytes)
    count = 0
    for number, group in enumerate(groups):
        report = _shifted(progress, number * total, len(groups) * total)
        count = Group(models, group, sums).measure(samples, report)
    results = {pair: sums[pair].result() for pair in pairs if sums[pair].fits}
    layers = build_report(mine, theirs, results, _limits(tolerance, (mine, theirs)), count)
    if not quantized:
        return layers
    return diagnosed(layers, mine, theirs, candidate.weights, tuple(results))


def _sums(
    mine: Network, theirs: Network, pairs: Sequence[Pair], *, quantized: bool
) -> dict[Pair, PairSums]:
    features, axes = features_of(mine), channel_axes(mine)
    return {
        pair: PairSums(
            mine.tensors[pair.reference].name,
            theirs.tensors[pair.candidate].grid,
            features[pair.reference],
            axes[pair.reference] if quantized else None,
        )
        for pair in pairs
    }


def _shifted(progress: Progress, done: int, total: int) -> Callable[[int], None]:
    return lambda count: progress("comparing layers", done + count, total)


def _borders(reference: LayeredModel, candidate: LayeredModel) -> list[tuple[int, int]]:
    """Return the positions of the inputs and outputs that belong together and are real."""
    mine, theirs = reference.network, candidate.network
    found = [
        (mine.inputs[a], theirs.inputs[b])
        for a, b in port_positions("input", reference.inputs, candidate.inputs)
    ]
    found += [
        (mine.outputs[a], theirs.outputs[b])
        for a, b in port_positions("output", reference.outputs, candidate.outputs)
    ]
    return [(a, b) for a, b in found if a >= 0 and b >= 0]


def _groups(
    pairs: Sequence[Pair], network: Network, group_bytes: int
) -> tuple[tuple[Pair, ...], ...]:
    """Return the pairs in groups that fit, in order."""
    groups: list[list[Pair]] = []
    room = 0
    for pair in pairs:
        size = _PAIR_BYTES * _elements(network.tensors[pair.reference])
        if not groups or size > room:
            groups.append([])
            room = group_bytes
        groups[-1].append(pair)
        room -= size
    return tuple(map(tuple, groups))


def _elements(tensor: LayerTensor) -> int:
    return math.prod(size or 1 for size in tensor.shape or ())


def _limits(tolerance: float, networks: Sequence[Network]) -> Limits:
    if not any(tensor.grid for network in networks for tensor in network.tensors):
        return Limits(tolerance, None)
    coarse = QUANTIZED_TOLERANCE if tolerance < _INT8_STEP else tolerance
    return Limits(coarse, QUANTIZED_SQNR_DB)
