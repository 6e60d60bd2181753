"""What calibration saw of a float model; its size does not depend on the number of samples."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeml_converters.histogram import Histogram

Floats = npt.NDArray[np.floating[Any]]
Channels = tuple[str, int]
"""A tensor and the axis of its channels."""


@dataclass(frozen=True)
class Detail:
    """What is watched besides ranges and means, as it takes time.

    Args:
        histograms: How values are spread, for methods that cut rare ones off.
        peaks: The largest magnitude in each channel, for equalization.
        products: The summed products of all pairs of inputs of a filter, for adaptive rounding.
    """

    histograms: bool = False
    peaks: bool = False
    products: bool = False

    def holds(self, other: "Detail") -> bool:
        """Return whether all that *other* asks for is watched."""
        return self | other == self

    def __or__(self, other: "Detail") -> "Detail":
        return Detail(
            self.histograms or other.histograms,
            self.peaks or other.peaks,
            self.products or other.products,
        )


@dataclass(frozen=True)
class Observations:
    """What calibration saw.

    Args:
        bounds: Smallest and largest value by the name of the float32 activation.
        samples: How many samples were seen.
        means: (channels,) mean of each channel of what is multiplied by constant weights.
        row_peaks: By the name of what a Softmax reads: the smallest of the largest values of its
            rows.
        histograms: How the values of an activation are spread.
        peaks: (channels,) largest magnitude of each channel.
        products: By the name of a node with weights: (groups, taps, taps), the sums over all
            positions of the products of the values under its filter.
    """

    bounds: Mapping[str, tuple[float, float]]
    samples: int
    means: Mapping[Channels, Floats] = field(default_factory=dict)
    row_peaks: Mapping[str, float] = field(default_factory=dict)
    histograms: Mapping[str, Histogram] = field(default_factory=dict)
    peaks: Mapping[Channels, Floats] = field(default_factory=dict)
    products: Mapping[str, Floats] = field(default_factory=dict)
