"""What a pass over samples tells of them, gathered on their way to whoever reads them.

Knows numbers only: no network, no limits. Apart from a few spread samples that are kept, it takes
some ten bytes a sample.
"""

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from edgeml_converters.data import Dataset, Sample


@dataclass
class SampleStatistics:
    """Figures of one input, over the samples of one pass.

    Args:
        name: The input.
        kept_limit: How many samples to keep.
        kept_bytes: What they may take.
        size: How many samples there will be, if that is known.
        count: Samples seen.
        complete: Whether the pass went to the end.
        low: The smallest finite value.
        high: The largest finite value.
        raw_low: The smallest value before preprocessing.
        raw_high: The largest value before preprocessing.
        unsound: Samples with NaN or infinite values.
        repeated: Samples that occurred before.
        deviations: The standard deviation within each sample.
        clipped: Mean share of values at the ends of the range, beyond that before preprocessing.
        labels: The class indices that were met.
        kept: Some samples, spread evenly over the pass: the input, and the label if there is one.
    """

    name: str
    kept_limit: int
    kept_bytes: int
    size: int | None = None
    count: int = 0
    complete: bool = False
    low: float = math.inf
    high: float = -math.inf
    raw_low: float = math.inf
    raw_high: float = -math.inf
    unsound: int = 0
    repeated: int = 0
    deviations: list[float] = field(default_factory=list)
    clipped: float = 0.0
    labels: set[int | None] = field(default_factory=set)
    kept: list[tuple[np.ndarray, int | None]] = field(default_factory=list)
    _sum: float = 0.0
    _squares: float = 0.0
    _values: int = 0
    _stride: int = 1
    _seen: set[int] = field(default_factory=set)

    @property
    def mean(self) -> float:
        """The mean of all values."""
        return self._sum / max(self._values, 1)

    @property
    def deviation(self) -> float:
        """The standard deviation of all values."""
        return math.sqrt(max(self._squares / max(self._values, 1) - self.mean**2, 0.0))

    def observe(self, sample: Sample) -> None:
        """Add one sample."""
        value, raw = sample.inputs[self.name], sample.raw
        self.labels.add(sample.label)
        self._keep(value, sample.label)
        self.count += 1
        checksum = zlib.crc32(np.ascontiguousarray(value).data)
        self.repeated += checksum in self._seen
        self._seen.add(checksum)
        if raw.size and raw.dtype.kind in "biuf":
            self.raw_low = min(self.raw_low, float(raw.min()))
            self.raw_high = max(self.raw_high, float(raw.max()))
        numbers = value if value.dtype.kind == "f" else value.astype(np.float32)
        if not np.isfinite(numbers).all():
            self.unsound += 1
            return
        self._measure(numbers, raw)

    def _measure(self, numbers: np.ndarray, raw: np.ndarray) -> None:
        if not numbers.size:
            return
        low, high = float(numbers.min()), float(numbers.max())
        self.low, self.high = min(self.low, low), max(self.high, high)
        mean = float(numbers.mean(dtype=np.float64))
        deviation = float(numbers.std(dtype=np.float64))
        self.deviations.append(deviation)
        self._values += numbers.size
        self._sum += mean * numbers.size
        self._squares += (deviation**2 + mean**2) * numbers.size
        self.clipped += max(0.0, _at_ends(numbers) - _at_ends(raw))

    def _keep(self, value: np.ndarray, label: int | None) -> None:
        """Keep the sample if it is the next one of those that lie spread over the pass."""
        if value.dtype.kind == "f" and value.size and np.abs(value).max() < np.finfo("f2").max:
            value = value.astype(np.float16)  # half the memory; 11 bits are enough for statistics
        room = min(self.kept_limit, self.kept_bytes // max(value.nbytes, 1))
        if room < 1:
            return
        if self.size is not None:
            if self.count * room // self.size == (self.count - 1) * room // self.size:
                return
        elif len(self.kept) >= room:  # every other one goes, and fewer are kept from here on
            self.kept = self.kept[::2]
            self._stride *= 2
        if len(self.kept) < room and (self.size is not None or self.count % self._stride == 0):
            self.kept.append((value.copy(), label))


def _at_ends(values: np.ndarray) -> float:
    """Return the share of values that equal the smallest or the largest one."""
    if not values.size:
        return 0.0
    low, high = values.min(), values.max()
    return float(np.mean((values == low) | (values == high))) if low < high else 0.0


class WatchedData:
    """A data set whose passes leave statistics behind; the one that saw most counts.

    Args:
        data: The data.
        name: The input to look at.
        kept_limit: How many samples to keep.
        kept_bytes: What they may take.
    """

    def __init__(self, data: Dataset, name: str, kept_limit: int, kept_bytes: int) -> None:
        self.data = replace(data, read=self._read)
        self._source = data
        self._make = partial(SampleStatistics, name, kept_limit, kept_bytes, data.size)
        self.statistics = self._make()

    def _read(self) -> Iterator[Sample]:
        if self.statistics.complete:
            yield from self._source
            return
        seen = self._make()
        try:
            for sample in self._source:
                seen.observe(sample)
                yield sample
            seen.complete = True
        finally:
            if seen.complete or seen.count > self.statistics.count:
                self.statistics = seen
