"""Which weights are worth storing in 8 bits."""

import numpy as np

SMALLEST_ELEMENTS = 1024
"""Fewer elements save less than a kilobyte or three, and cost accuracy and time all the same."""


def is_worth_quantizing(array: np.ndarray) -> bool:
    """Return whether *array* is a matrix or filter of finite numbers, and large enough."""
    large = array.ndim >= 2 and array.size >= SMALLEST_ELEMENTS
    return large and bool(np.isfinite(array).all())
