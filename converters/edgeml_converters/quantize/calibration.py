"""Watching a float model on samples.

The reductions are nodes of the watched graph, so that a sample leaves a few numbers a tensor behind
and the activations are freed inside the engine. Memory therefore does not depend on the number of
samples.
"""

import itertools
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgeml_converters.graph import copy_model, serialize_onnx
from edgeml_converters.graph.attributes import int_attribute
from edgeml_converters.quantize.checkpoint import Checkpoint, SampleDigest, restore
from edgeml_converters.quantize.constants import is_constant
from edgeml_converters.quantize.observation import Channels, Detail, Observations
from edgeml_converters.quantize.observers import (
    BoundsObserver,
    ChannelObserver,
    HistogramObserver,
    Observer,
    RowPeakObserver,
)
from edgeml_converters.quantize.opset import raise_opset
from edgeml_converters.quantize.products import ProductObserver
from edgeml_converters.quantize.watch import WatchedGraph
from edgeml_converters.quantize.weighted import weighted_nodes
from edgeml_runtime.engines import Engine, open_engine
from edgeml_runtime.errors import InputError
from edgeml_runtime.progress import Progress, silent

CHECKPOINT_EVERY_S: Final = 20.0
Sample = Mapping[str, npt.NDArray[np.generic]]
Samples = Iterable[Sample]


def calibrate(
    model: ir.Model,
    samples: Samples,
    progress: Progress = silent,
    total: int = 0,
    *,
    detail: Detail = Detail(),  # noqa: B008  # frozen, and made of truth values
    checkpoint: Path | None = None,
) -> Observations:
    """Return what is seen of every float32 activation of *model* over *samples*.

    Args:
        model: An optimized float graph; it is not changed.
        samples: Model inputs by name, with the batch axis. Read once, one at a time, and not kept:
            a generator will do.
        progress: Told after each sample.
        total: How many samples there will be, if that is known.
        detail: What to watch besides ranges and means.
        checkpoint: A file to resume from and, every now and then, to save to; it is removed at the
            end. It must belong to this model and detail.

    Raises:
        InputError: There are no samples, one does not fit the model's inputs, or a tensor becomes
            infinite or NaN.
    """
    watched = raise_opset(copy_model(model))
    watch = _Watch(watched, detail)
    run = _Run(watch, watched, None if checkpoint is None else Checkpoint(checkpoint))
    for count in run.over(samples):
        progress("calibrate", count, total)
    if not run.count:
        raise InputError(
            "The calibration data held no samples.",
            "Give at least one sample; a generator that was read before is empty.",
        )
    return watch.observations(run.count)


class _Watch:
    """The observers of one model."""

    def __init__(self, model: ir.Model, detail: Detail) -> None:
        watched = [value for value in _values(model.graph) if _is_activation(value)]
        weighted = tuple(weighted_nodes(model.graph))
        self.bounds = BoundsObserver()
        self._means = ChannelObserver(frozenset(item.channels for item in weighted))
        self._rows = RowPeakObserver(_softmax_axes(model.graph))
        peaks = {item.channels for item in weighted} | set(_second_axes(watched))
        self._peaks = ChannelObserver(frozenset(peaks if detail.peaks else ()), peaks=True)
        self._products = ProductObserver(weighted if detail.products else ())
        self._histograms = HistogramObserver() if detail.histograms else None
        optional = () if self._histograms is None else (self._histograms,)
        self.observers: tuple[Observer, ...] = (
            *(self.bounds, self._means, self._rows, self._peaks, self._products),
            *optional,
        )
        graph = WatchedGraph(model)
        # onnxruntime computes the last result of a file first. In this order it reduces each tensor
        # while it is still in the cache, and then frees it.
        for value in reversed(watched):
            for observer in self.observers:
                observer.watch(graph, value)

    def observations(self, samples: int) -> Observations:
        """Return what was seen in *samples* samples."""
        bounds = zip(self.bounds.names, self.bounds.bounds.tolist(), strict=True)
        return Observations(
            bounds={name: (low, high) for name, (low, high) in reversed(list(bounds))},
            samples=samples,
            means=self._means.channels,
            row_peaks=self._rows.peaks,
            histograms={} if self._histograms is None else self._histograms.histograms,
            peaks=self._peaks.channels,
            products=self._products.products,
        )


class _Run:
    """One pass over the samples, which a checkpoint may spare the first part of."""

    def __init__(self, watch: _Watch, model: ir.Model, checkpoint: Checkpoint | None) -> None:
        self._watch = watch
        self._model = model
        self._checkpoint = checkpoint
        self._digest = SampleDigest()
        self.count = 0

    def over(self, samples: Samples) -> Iterator[int]:
        """Take each of the samples, and yield how many were taken."""
        remaining = self._resumed(samples)
        if self.count:
            yield self.count
        saved_s = time.monotonic()
        with closing(open_engine("onnxruntime", serialize_onnx(self._model))) as engine:
            for sample in remaining:
                self.count += 1
                self._take(engine, sample)
                if self._checkpoint and time.monotonic() - saved_s > CHECKPOINT_EVERY_S:
                    self._save(self._checkpoint)
                    saved_s = time.monotonic()
                yield self.count
        if self._checkpoint:
            self._checkpoint.remove()

    def _resumed(self, samples: Samples) -> Iterator[Sample]:
        """Return the samples that are still to be run, after those that a checkpoint holds."""
        iterator = iter(samples)
        if iterator is samples:
            self._checkpoint = None  # it can be read once only, so not be compared and then run
        found = self._checkpoint.load() if self._checkpoint else None
        if found is None:
            return iterator
        done, digest, states = found
        for sample in itertools.islice(iterator, done):
            self._digest.add(sample)
        if self._digest.hex() != digest:
            self._digest = SampleDigest()
            return iter(samples)
        restore(self._watch.observers, states)
        self.count = done
        return iterator

    def _take(self, engine: Engine, sample: Sample) -> None:
        try:
            seen = engine.run(sample)
        except InputError as error:
            problem = f"Calibration sample {self.count}: {error.problem}"
            raise InputError(problem, error.remedy) from error
        if broken := self._watch.bounds.broken(seen):
            raise InputError(
                f"Tensor '{broken}' holds NaN or infinite values "
                f"for calibration sample {self.count}.",
                "Check the sample and its preprocessing, and that the float model is sound.",
            )
        for observer in self._watch.observers:
            observer.take(seen)
        if self._checkpoint:
            self._digest.add(sample)

    def _save(self, checkpoint: Checkpoint) -> None:
        checkpoint.save(self.count, self._digest.hex(), self._watch.observers)


def _values(graph: ir.Graph) -> tuple[ir.Value, ...]:
    return (*graph.inputs, *(output for node in graph for output in node.outputs))


def _is_activation(value: ir.Value) -> bool:
    if value.dtype != ir.DataType.FLOAT or not value.name or is_constant(value):
        return False
    return value.shape is None or 0 not in value.shape.dims


def _softmax_axes(graph: ir.Graph) -> dict[str, int]:
    """Return the axis that each Softmax normalizes, by the name of what it reads."""
    axes = {}
    for node in graph:
        source = node.inputs[0] if node.op_type == "Softmax" else None
        if source is not None and source.shape is not None:
            axes[source.name or ""] = int_attribute(node, "axis", -1) % len(source.shape)
    return axes


def _second_axes(values: Iterable[ir.Value]) -> Iterator[Channels]:
    """Yield tensors whose channels may be their second axis."""
    for value in values:
        if value.shape is not None and len(value.shape) >= 2:
            yield value.name or "", 1
