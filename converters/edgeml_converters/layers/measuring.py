"""Running two models side by side on samples, and the second one layer by layer."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass

import numpy as np

from edgeml_converters.layers.ancestry import compared_inputs
from edgeml_converters.layers.matching import Pair
from edgeml_converters.layers.network import LayeredModel, Taps
from edgeml_converters.layers.sums import PairSums
from edgeml_runtime.errors import InputError, UnsupportedError

Inputs = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Models:
    """The two models, and what makes an input of the one that of the other.

    Args:
        reference: The model that is held to be right.
        candidate: The model that is compared with it.
        feed: Makes a candidate's input of a reference's.
        alone: Whether the candidate's layers are also run alone, fed with the reference's values.
    """

    reference: LayeredModel
    candidate: LayeredModel
    feed: Callable[[Inputs], Inputs]
    alone: bool


class Group:
    """Pairs that are read at once.

    Args:
        models: The two models.
        pairs: What is measured.
        sums: Of all pairs, those before *pairs* included.
    """

    def __init__(
        self, models: Models, pairs: Sequence[Pair], sums: Mapping[Pair, PairSums]
    ) -> None:
        self._models = models
        self._pairs = pairs
        self._sums = sums
        self._read = [*pairs, *(_sources(models, pairs, sums) if models.alone else ())]

    def measure(self, samples: Iterable[Inputs], progress: Callable[[int], None]) -> int:
        """Add all samples to the sums, and return how many there were."""
        count = 0
        with ExitStack() as stack:
            mine = self._models.reference.tap([pair.reference for pair in self._read])
            stack.enter_context(closing(mine))
            theirs = self._models.candidate.tap([pair.candidate for pair in self._pairs])
            stack.enter_context(closing(theirs))
            alone = None
            for sample in samples:
                expected = dict(zip(self._read, mine.run(sample), strict=True))
                fed = self._models.feed(sample)
                for pair, given in zip(self._pairs, theirs.run(fed), strict=True):
                    self._sums[pair].add(expected[pair], given)
                if self._models.alone:
                    alone = alone or stack.enter_context(closing(_Alone(self, expected)))
                    alone.add(fed, expected)
                count += 1
                progress(count)
        return count

    def fed(self, shown: Mapping[Pair, np.ndarray]) -> list[Pair]:
        """Return the pairs whose values stand for what the layers before would give."""
        return [pair for pair in shown if self._sums[pair].fits]

    def open_alone(self, cuts: Sequence[Pair]) -> Taps:
        """Open the candidate with its layers cut apart."""
        wanted = [pair.candidate for pair in self._pairs]
        return self._models.candidate.tap(wanted, [pair.candidate for pair in cuts])

    def add_alone(self, given: Sequence[np.ndarray], expected: Mapping[Pair, np.ndarray]) -> None:
        """Count one sample of the layers run alone."""
        for pair, value in zip(self._pairs, given, strict=True):
            self._sums[pair].add_alone(expected[pair], value)

    def arranged(self, pair: Pair, value: np.ndarray) -> np.ndarray:
        """Return a reference's values in the layout of the candidate."""
        return self._sums[pair].arranged(value)


class _Alone:
    """The candidate with every layer fed by the reference.

    The first sample tells which tensors can be fed. Not every graph can be cut: one that cannot is
    left out, and its layers have no error of their own.
    """

    def __init__(self, group: Group, expected: Mapping[Pair, np.ndarray]) -> None:
        self._group = group
        self._cuts = group.fed(expected)
        self._taps: Taps | None = None
        try:
            self._taps = group.open_alone(self._cuts)
        except (InputError, UnsupportedError):
            self._taps = None

    def add(self, fed: Inputs, expected: Mapping[Pair, np.ndarray]) -> None:
        """Count one sample."""
        if self._taps is None:
            return
        given = [self._group.arranged(pair, expected[pair]) for pair in self._cuts]
        try:
            values = self._taps.run(fed, given)
        except InputError:
            self.close()
            self._taps = None
            return
        self._group.add_alone(values, expected)

    def close(self) -> None:
        """Release the model."""
        if self._taps is not None:
            self._taps.close()


def _sources(models: Models, pairs: Sequence[Pair], sums: Mapping[Pair, PairSums]) -> list[Pair]:
    """Return the pairs that *pairs* are made of in the candidate, those apart."""
    by_position = {pair.candidate: pair for pair in sums}
    network = models.candidate.network
    found = {
        by_position[at]: None
        for pair in pairs
        for at in compared_inputs(network, pair.candidate, by_position.keys())
    }
    return [pair for pair in found if pair not in set(pairs)]
