"""What is noted of each activation: one class for each kind of statistic.

An observer adds reductions to the watched graph, and adds up what they give for each sample. Its
state is a few arrays, so that an interrupted calibration goes on where it stopped.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgeml_converters.histogram import Histogram, HistogramCounter
from edgeml_converters.quantize.observation import Channels, Floats
from edgeml_converters.quantize.totals import Totals
from edgeml_converters.quantize.watch import WatchedGraph

SAMPLED_VALUES = 8192
"""So many values of a tensor and sample are counted at most; extremes are always exact."""

Seen = Mapping[str, npt.NDArray[np.generic]]
State = dict[str, npt.NDArray[Any]]


class Observer(Protocol):
    """One kind of statistic over all samples."""

    def watch(self, graph: WatchedGraph, value: ir.Value) -> None:
        """Add what is to be noted of *value*, an activation, to the outputs of *graph*."""

    def take(self, seen: Seen) -> None:
        """Add the outputs of *graph* for one sample."""

    def state(self) -> State:
        """Return all that was taken."""

    def restore(self, state: State) -> None:
        """Continue from what :meth:`state` returned."""


class BoundsObserver:
    """The smallest and the largest value of every activation; finds those that are no numbers."""

    # Min and max may drop a NaN, depending on where it stands; a sum never does.
    reductions = ("ReduceMin", "ReduceMax", "ReduceSum")

    def __init__(self) -> None:
        self._outputs: list[tuple[str, ...]] = []
        self.names: list[str] = []
        self.bounds: npt.NDArray[np.float64] = np.empty((0, 2))

    def watch(self, graph: WatchedGraph, value: ir.Value) -> None:
        """Watch any activation."""
        self._outputs.append(tuple(graph.reduced(op, value) for op in self.reductions))
        self.names.append(value.name or "")
        self.bounds = np.tile([np.inf, -np.inf], (len(self.names), 1))

    def take(self, seen: Seen) -> None:
        """Add one sample; call :meth:`broken` first."""
        found = self._found(seen)
        np.minimum(self.bounds[:, 0], found[:, 0], out=self.bounds[:, 0])
        np.maximum(self.bounds[:, 1], found[:, 1], out=self.bounds[:, 1])

    def broken(self, seen: Seen) -> str | None:
        """Return the name of the first tensor that holds what is no number, or None."""
        found = self._found(seen)
        wrong = ~np.isfinite(found[:, :2]).all(axis=1) | np.isnan(found[:, 2])
        # Tensors are watched from the last to the first.
        return self.names[int(np.flatnonzero(wrong)[-1])] if wrong.any() else None

    def _found(self, seen: Seen) -> npt.NDArray[np.float64]:
        numbers = [[seen[output] for output in outputs] for outputs in self._outputs]
        return np.array(numbers, np.float64).reshape(-1, len(self.reductions))

    def state(self) -> State:
        """Return the bounds."""
        return {"bounds": self.bounds}

    def restore(self, state: State) -> None:
        """Continue with these bounds."""
        self.bounds = state["bounds"].copy()


class ChannelObserver:
    """One number for each channel of chosen tensors: means, or peaks.

    Args:
        wanted: The axis of the channels by the name of the tensor.
        peaks: Note the largest magnitudes, not the means.
    """

    def __init__(self, wanted: frozenset[Channels], *, peaks: bool = False) -> None:
        self._axes: dict[str, list[int]] = {}
        for name, axis in sorted(wanted):
            self._axes.setdefault(name, []).append(axis)
        self._peaks = peaks
        self._totals = Totals[Channels](np.maximum if peaks else np.add, np.float64)

    def watch(self, graph: WatchedGraph, value: ir.Value) -> None:
        """Watch the channels of *value*, where they are wanted."""
        for axis in self._axes.get(value.name or "", ()):
            source = graph.node("Abs", value) if self._peaks else value
            source.shape = value.shape
            op_type = "ReduceMax" if self._peaks else "ReduceMean"
            output = graph.reduced(op_type, source, axis)
            self._totals.expect((value.name or "", axis), output)

    def take(self, seen: Seen) -> None:
        """Add one sample."""
        self._totals.take(seen)

    @property
    def channels(self) -> Mapping[Channels, Floats]:
        """The means, or peaks, by tensor."""
        return self._totals.arrays if self._peaks else self._totals.means

    def state(self) -> State:
        """Return the sums."""
        return self._totals.state()

    def restore(self, state: State) -> None:
        """Continue with these sums."""
        self._totals.restore(state)


class RowPeakObserver:
    """The smallest of the largest values of the rows that a Softmax reads."""

    def __init__(self, axes: Mapping[str, int]) -> None:
        self._axes = axes
        self._outputs: dict[str, str] = {}
        self.peaks: dict[str, float] = {}

    def watch(self, graph: WatchedGraph, value: ir.Value) -> None:
        """Watch *value* if a Softmax reads it."""
        axis = self._axes.get(value.name or "")
        if axis is not None:
            output = graph.reduced("ReduceMax", value, axis, of_rows=True)
            self._outputs[value.name or ""] = output
            self.peaks[value.name or ""] = float("inf")

    def take(self, seen: Seen) -> None:
        """Add one sample."""
        for name, output in self._outputs.items():
            self.peaks[name] = min(self.peaks[name], float(np.min(np.asarray(seen[output]))))

    def state(self) -> State:
        """Return the peaks, in the order in which tensors are watched."""
        return {"peaks": np.array([self.peaks[name] for name in self._outputs])}

    def restore(self, state: State) -> None:
        """Continue with these peaks."""
        self.peaks = dict(zip(self._outputs, state["peaks"].tolist(), strict=True))


class HistogramObserver:
    """How the values of every activation are spread."""

    def __init__(self) -> None:
        self._counters: dict[str, HistogramCounter] = {}
        self._outputs: dict[str, str] = {}

    def watch(self, graph: WatchedGraph, value: ir.Value) -> None:
        """Watch any activation."""
        self._outputs[value.name or ""] = graph.sampled(value, SAMPLED_VALUES)
        self._counters[value.name or ""] = HistogramCounter()

    def take(self, seen: Seen) -> None:
        """Add one sample."""
        for name, output in self._outputs.items():
            self._counters[name].add(np.asarray(seen[output], np.float32))

    @property
    def histograms(self) -> Mapping[str, Histogram]:
        """The histograms by tensor."""
        return {name: counter.histogram() for name, counter in self._counters.items()}

    def state(self) -> State:
        """Return all counts, in the order in which tensors are watched."""
        return {"counts": np.array([counter.state() for counter in self._counters.values()])}

    def restore(self, state: State) -> None:
        """Continue with these counts."""
        for counter, counts in zip(self._counters.values(), state["counts"], strict=True):
            counter.restore(counts)
