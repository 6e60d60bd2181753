"""How the elements of a resized axis come from those of the old one.

As the ONNX operator Resize defines it (https://onnx.ai/onnx/operators/onnx__Resize.html). Knows one
axis at a time; must not know TFLite.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.attributes import float_attribute, int_attribute, string_attribute


@dataclass(frozen=True)
class Axis:
    """One axis of a Resize.

    Args:
        size: Elements before.
        result: Elements after.
        scale: The factor that coordinates are computed with; not always the ratio of the sizes.
        coordinates: ``coordinate_transformation_mode``.
        region: Start and end of ``roi``, as shares of the axis.
    """

    size: int
    result: int
    scale: float
    coordinates: str
    region: tuple[float, float] = (0.0, 1.0)

    @property
    def is_changed(self) -> bool:
        """Whether the result is anything but a copy."""
        whole = self.size == self.result and self.scale == 1.0
        return not whole or (self.coordinates == "tf_crop_and_resize" and self.region != (0, 1))

    def places(self) -> np.ndarray:
        """Return where each new element lies among the old ones, as real numbers (result,)."""
        index = np.arange(self.result, dtype=np.float64)
        return np.asarray(_COORDINATES[self.coordinates](self, index))


def _half_pixel(axis: Axis, index: np.ndarray) -> np.ndarray:
    return (index + 0.5) / axis.scale - 0.5


def _pytorch_half_pixel(axis: Axis, index: np.ndarray) -> np.ndarray:
    return _half_pixel(axis, index) if axis.scale * axis.size > 1 else np.zeros_like(index)


def _symmetric(axis: Axis, index: np.ndarray) -> np.ndarray:
    centre = axis.size / 2 * (1 - axis.result / (axis.scale * axis.size))
    return centre + _half_pixel(axis, index)


def _align_corners(axis: Axis, index: np.ndarray) -> np.ndarray:
    length = axis.scale * axis.size
    if length == 1 or axis.result == 1:
        return np.zeros_like(index)
    return index * (axis.size - 1) / (length - 1)


def _region(axis: Axis, index: np.ndarray) -> np.ndarray:
    start, end = axis.region
    if axis.result == 1:
        return np.array([0.5 * (start + end) * (axis.size - 1)])
    step = (end - start) * (axis.size - 1) / (axis.scale * axis.size - 1)
    return start * (axis.size - 1) + index * step


_COORDINATES: dict[str, Callable[[Axis, np.ndarray], np.ndarray]] = {
    "align_corners": _align_corners,
    "asymmetric": lambda axis, index: index / axis.scale,
    "half_pixel": _half_pixel,
    "half_pixel_symmetric": _symmetric,
    "pytorch_half_pixel": _pytorch_half_pixel,
    "tf_crop_and_resize": _region,
}


def nearest_places(axis: Axis, rounding: str) -> np.ndarray:
    """Return the index of the old element for each new one, int32 (result,)."""
    places = axis.places()
    if rounding == "floor":
        chosen = np.floor(places)
    elif rounding == "ceil":
        chosen = np.ceil(places)
    elif rounding == "round_prefer_ceil":
        chosen = np.floor(places + 0.5)
    else:
        chosen = np.ceil(places - 0.5)
    return np.asarray(np.clip(chosen, 0, axis.size - 1), np.int32)


def weights(axis: Axis, node: ir.Node) -> np.ndarray:
    """Return the matrix (result, size) that makes the new elements of a linear or cubic Resize."""
    cubic = string_attribute(node, "mode", "nearest") == "cubic"
    coefficient = float_attribute(node, "cubic_coeff_a", -0.75)
    shrinks = bool(int_attribute(node, "antialias", 0)) and axis.scale < 1
    stretch = axis.scale if shrinks else 1.0
    kernel = _cubic(coefficient) if cubic else _triangle
    reach = math.ceil((2 if cubic else 1) / stretch)
    exclude = bool(int_attribute(node, "exclude_outside", 0))
    matrix = np.zeros((axis.result, axis.size))
    for row, place in enumerate(axis.places()):
        if axis.coordinates == "tf_crop_and_resize" and not 0 <= place <= axis.size - 1:
            continue  # the region reaches beyond the tensor, where there is the extrapolation value
        first = math.floor(place) - reach + 1
        taps = np.arange(first, first + 2 * reach)
        shares = np.array([kernel((place - tap) * stretch) for tap in taps])
        if exclude:
            shares = np.where((taps < 0) | (taps >= axis.size), 0.0, shares)
        total = shares.sum()
        if (exclude or shrinks) and total:
            shares = shares / total
        np.add.at(matrix[row], np.clip(taps, 0, axis.size - 1), shares)
    return matrix


def _triangle(distance: float) -> float:
    return max(0.0, 1.0 - abs(distance))


def _cubic(coefficient: float) -> Callable[[float], float]:
    """Return the cubic convolution kernel (R. Keys, 1981) with this coefficient."""
    a = coefficient

    def kernel(distance: float) -> float:
        x = abs(distance)
        if x <= 1:
            return (a + 2) * x**3 - (a + 3) * x**2 + 1
        return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0

    return kernel
