"""Samples seen through the network: its first layer, and how sure it is of its answers."""

import math
from collections.abc import Iterator, Sequence
from contextlib import closing

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph import serialize_onnx
from edgeml_converters.lint.data_notes import preparation_notes
from edgeml_converters.lint.first_layer import Arrival, measure_arrival
from edgeml_converters.lint.network_entry import open_first_layer, read_entry
from edgeml_converters.lint.preparations import (
    ALIKE,
    Variant,
    other_preparations,
    reversed_channels,
    standardized,
)
from edgeml_converters.lint.sample_statistics import SampleStatistics
from edgeml_converters.lint.scores import class_probabilities, scores_output
from edgeml_converters.lint.surety import Preference, find_preference
from edgeml_converters.lint.thresholds import load_thresholds
from edgeml_runtime.engines import open_engine
from edgeml_runtime.preprocess import Pipeline
from edgeml_runtime.tensors import TensorSpec


class NetworkCheck:
    """Looks at samples through a network with one image as input.

    Args:
        model: The float graph.
        spec: Its input, with a layout.
        pipeline: What made the samples, if known.
        macs: Multiplications of one run, 0 where that is not known.
    """

    def __init__(
        self, model: ir.Model, spec: TensorSpec, pipeline: Pipeline | None, macs: int = 0
    ) -> None:
        self._model = model
        self._spec = spec
        self._pipeline = pipeline
        self._macs = macs
        self._limits = load_thresholds()
        self._entry = read_entry(model)
        self._scores = scores_output(model)
        self._content = False

    def range_notes(self, seen: SampleStatistics) -> list[str]:
        """Return what is wrong with the range of the samples, told from values and first layer."""
        notes = list(
            preparation_notes(seen, self._pipeline, self._entry.normalization, self._limits.range)
        )
        if notes:
            return notes
        arrival = self._arrival(seen)
        if arrival is None:
            return []
        notes = list(self._arrival_notes(arrival, seen))
        self._content = not notes
        return notes

    def surety_notes(self, seen: SampleStatistics, *, labelled: bool) -> list[str]:
        """Return what the answers of a classifier say of range and order of the channels.

        Args:
            seen: The samples.
            labelled: Whether their labels are classes of the network.
        """
        variants = self._variants(seen)
        if self._scores is None or not variants:
            return []
        found = self._preference(seen, variants, labelled=labelled)
        return [] if found is None else [self._preference_note(found, seen)]

    def _runs(self, seen: SampleStatistics) -> int:
        """Return how often the network may run for the check."""
        limits = self._limits.surety
        affordable = limits.macs / self._macs if self._macs else 0.0
        return int(max(affordable, limits.share * seen.count))

    def _arrival(self, seen: SampleStatistics) -> Arrival | None:
        if self._entry.first_layer is None:
            return None
        limits = self._limits.first_layer
        with closing(open_first_layer(self._model, self._entry.first_layer)) as engine:
            samples = [value for value, _ in _mixed(seen)[: limits.samples]]
            return measure_arrival(engine, samples, limits.border)

    def _arrival_notes(self, arrival: Arrival, seen: SampleStatistics) -> Iterator[str]:
        limits = self._limits.first_layer
        given = f"the samples range from {seen.low:.3g} to {seen.high:.3g}"
        if arrival.deviation < limits.too_small and arrival.bias > limits.small_bias:
            times = _rough(limits.typical / arrival.deviation)
            yield (
                f"The first layer sees values some {times} times smaller than it was trained on "
                f"({given}): they look normalized twice, or divided by 255 once too often. Check "
                "the step 'normalize' of --preprocess."
            )
        large = arrival.deviation > limits.too_large and arrival.bias < limits.large_bias
        if large and self._trained_normalized(seen):
            times = _rough(arrival.deviation / limits.typical)
            yield (
                f"The first layer sees values some {times} times larger than it was trained on "
                f"({given}): they look not normalized. Add or correct the step 'normalize' of "
                "--preprocess."
            )

    def _trained_normalized(self, seen: SampleStatistics) -> bool:
        """Return whether the network is of a kind that needs it, or another range does better."""
        deep = self._entry.convolutions >= self._limits.first_layer.deep
        if deep or self._entry.batch_normalized or self._scores is None:
            return deep or self._entry.batch_normalized
        return self._preference(seen, self._ranges(seen), labelled=False) is not None

    def _variants(self, seen: SampleStatistics) -> list[Variant]:
        axis = 1 if self._spec.layout == "NCHW" else 3
        colored = self._spec.shape[axis] == 3
        reverse = [reversed_channels(self._spec.layout)] if colored else []
        far = self._limits.first_layer.far if self._content else math.inf
        ranges = self._ranges(seen)
        return [*reverse, *(item for item in ranges if 1 / far < item.scale < far)]

    def _ranges(self, seen: SampleStatistics) -> list[Variant]:
        layout = self._spec.layout
        table = self._limits.preparations
        usual = other_preparations(table, self._pipeline, seen.low, seen.high, layout)
        gray = self._spec.shape[1 if layout == "NCHW" else 3] == 1
        own = abs(seen.mean) > ALIKE or abs(math.log(max(seen.deviation, 1e-9))) > ALIKE
        if gray and own and seen.deviation > 0:
            usual.append(standardized(seen.mean, seen.deviation))
        return usual

    def _preference(
        self, seen: SampleStatistics, variants: Sequence[Variant], *, labelled: bool
    ) -> Preference | None:
        name = self._scores
        assert name is not None, "only classifiers are asked"
        kept = _mixed(seen)
        labels = [label for _, label in kept if label is not None]
        with closing(open_engine("onnxruntime", serialize_onnx(self._model))) as engine:

            def answer(sample: np.ndarray) -> np.ndarray:
                fed = {self._spec.name: np.ascontiguousarray(sample, np.float32)}
                return class_probabilities(engine.run(fed), name)

            return find_preference(
                answer,
                [value.astype(np.float32) for value, _ in kept],
                labels if labelled and len(labels) == len(kept) else None,
                variants,
                runs=self._runs(seen),
                limits=self._limits.surety,
            )

    def _preference_note(self, found: Preference, seen: SampleStatistics) -> str:
        how = _compared(found)
        if found.variant.reversed:
            return (
                f"With the channels reversed the network does better: {how}. The samples look "
                "like RGB where it was trained on BGR, or the other way round. Check the step "
                "'color' of --preprocess, or the order of the channels in the data."
            )
        return (
            f"With samples {found.variant.name} the network does better: {how}. Those given "
            f"range from {seen.low:.3g} to {seen.high:.3g}. Check the step 'normalize' of "
            "--preprocess."
        )


def _compared(found: Preference) -> str:
    facts = []
    if found.right is not None:
        facts.append(f"{found.right[0]} samples are right against {found.right[1]}")
    if found.confidence[0] > found.confidence[1]:
        after, before = found.confidence
        facts.append(f"its mean confidence is {after:.2f} against {before:.2f}")
    if found.answers[0] > found.answers[1]:
        facts.append(f"it gives {found.answers[0]} different answers against {found.answers[1]}")
    return f"{', '.join(facts)}, on {found.samples} samples"


def _mixed(seen: SampleStatistics) -> list[tuple[np.ndarray, int | None]]:
    """Return the samples in a seeded order, as data often come class by class."""
    order = np.random.default_rng(0).permutation(len(seen.kept))
    return [seen.kept[index] for index in order]


def _rough(factor: float) -> str:
    return f"{float(f'{factor:.1g}'):,.0f}"
