"""Sums over the samples of one output, in float64, from which its parity follows.

Memory does not grow with the number of samples.
"""

import math
import sys

import numpy as np

from edgeml_converters.verify.parity import OutputParity
from edgeml_runtime.errors import InputError

FLAT_SHARE = 0.1
"""The least range, as a share of the magnitude, that an output is measured against: 1e-4 of it is
then 1e-5 of the magnitude, twice what the rounding of float32 comes to in a hundred layers."""


class OutputAccumulator:
    """Takes an output's values sample by sample."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.failure: str | None = None
        self._max_abs = 0.0
        self._low, self._high = math.inf, -math.inf
        self._reference_power = self._candidate_power = self._product = self._error_power = 0.0
        self._rows = self._same = 0
        self._is_scores = True

    def add(self, reference: np.ndarray, candidate: np.ndarray) -> None:
        """Count one sample.

        Raises:
            InputError: The two shapes differ, or the values are no numbers.
        """
        if reference.shape != candidate.shape:
            raise InputError(
                f"The output '{self.name}' is {reference.shape} in the reference and "
                f"{candidate.shape} in the other model.",
                "Compare two forms of the same model.",
            )
        if reference.dtype.kind not in "biuf" or candidate.dtype.kind not in "biuf":
            raise InputError(
                f"The output '{self.name}' is {reference.dtype} and {candidate.dtype}.",
                "Only outputs of numbers can be compared.",
            )
        expected, given = reference.astype(np.float64), candidate.astype(np.float64)
        if not (np.isfinite(expected).all() and np.isfinite(given).all()):
            self._note_failure(expected)
        elif expected.size:
            self._count_same_class(expected, given)
            self._add(expected, given)

    def _note_failure(self, expected: np.ndarray) -> None:
        if self.failure is None:
            whose = "the converted model" if np.isfinite(expected).all() else "the reference"
            self.failure = f"Output '{self.name}' of {whose} has values that are not finite."

    def _count_same_class(self, expected: np.ndarray, given: np.ndarray) -> None:
        if expected.ndim != 2 or expected.shape[1] < 2:
            self._is_scores = False
            return
        self._rows += len(expected)
        self._same += int((expected.argmax(axis=1) == given.argmax(axis=1)).sum())

    def _add(self, expected: np.ndarray, given: np.ndarray) -> None:
        error = given - expected
        self._max_abs = max(self._max_abs, float(np.abs(error).max()))
        self._low = min(self._low, float(expected.min()))
        self._high = max(self._high, float(expected.max()))
        self._reference_power += float(np.square(expected).sum())
        self._candidate_power += float(np.square(given).sum())
        self._error_power += float(np.square(error).sum())
        self._product += float((expected * given).sum())

    def result(self) -> OutputParity:
        """Return the parity of what was counted; infinitely bad when a value was not finite."""
        if self.failure is not None:
            return OutputParity(self.name, math.inf, math.inf, 0.0, -math.inf, None)
        return OutputParity(
            name=self.name,
            max_abs=self._max_abs,
            rel_range=self._max_abs / self._scale(),
            cosine=self._cosine(),
            sqnr_db=self._sqnr_db(),
            agreement=100.0 * self._same / self._rows if self._is_scores and self._rows else None,
        )

    def _scale(self) -> float:
        if self._low > self._high:  # the output is empty
            return 1.0
        magnitude = max(abs(self._low), abs(self._high))
        return max(self._high - self._low, FLAT_SHARE * magnitude) or 1.0

    def _cosine(self) -> float:
        if self._error_power == 0.0:
            return 1.0
        norms = math.sqrt(self._reference_power) * math.sqrt(self._candidate_power)
        return max(-1.0, min(1.0, self._product / norms)) if norms else 0.0

    def _sqnr_db(self) -> float:
        if self._error_power == 0.0:
            return math.inf
        # A reference of zeros has no signal: a very low number, as minus infinity is no JSON.
        signal = max(self._reference_power, sys.float_info.min)
        return 10.0 * (math.log10(signal) - math.log10(self._error_power))
