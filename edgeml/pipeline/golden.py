"""Golden vectors: a few inputs, the source's outputs, and how far a variant may be from them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from edgeml_runtime.bundle import pack_golden

SAMPLES: Final = 8
FLOAT_SHARE: Final = 1e-4
"""The least tolerance, as a share of the outputs' range: another order of summation."""
SHARES: Final = {"int8": 2 / 255, "dynamic": 2 / 255, "int8x16": 1e-3}
"""The same where integers are computed with: for 8 bits two steps of an output, as kernels differ
in how they round."""
MARGIN: Final = 2.0
"""A board's kernels may be as far from the source on the other side as this machine's are."""

Tensors = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Golden:
    """Inputs in the source's layout, with what the source model gave for each."""

    inputs: tuple[Tensors, ...]
    outputs: tuple[Tensors, ...]

    def pack(self) -> bytes:
        """Return the ``.npz`` that goes into the bundle."""
        return pack_golden(self.inputs, self.outputs)

    def error(self, index: int, outputs: Tensors) -> float:
        """Return the largest absolute difference of *outputs* from those of sample *index*."""
        differences = (
            np.abs(outputs[name].astype(np.float64) - expected)
            for name, expected in self.outputs[index].items()
        )
        return max(float(np.max(difference, initial=0.0)) for difference in differences)

    def tolerance(self, error: float, precision: str) -> float:
        """Return the largest absolute error that a variant may have on these samples anywhere.

        It is twice the error that the variant has on this machine, and at least a share of the
        range of the outputs (1e-4 for float, two of 255 steps for 8 bits), so that rounding alone
        never fails a board and a wrong layout, scale or kernel does.

        Args:
            error: The largest `error` of the variant on any sample.
            precision: One of ``PRECISIONS``.
        """
        share = SHARES.get(precision, FLOAT_SHARE)
        largest_range = 0.0
        for low, high in self._bounds():
            # A constant output has no range; its size stands in for it.
            largest_range = max(largest_range, high - low, 1e-2 * max(abs(low), abs(high)))
        return max(share * largest_range, MARGIN * error, float(np.finfo(np.float32).tiny))

    def _bounds(self) -> Iterator[tuple[float, float]]:
        for name in self.outputs[0]:
            arrays = [outputs[name] for outputs in self.outputs]
            yield float(min(map(np.min, arrays))), float(max(map(np.max, arrays)))
