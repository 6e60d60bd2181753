"""Resizing with every rule for coordinates and rounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net


@pytest.mark.parametrize("rounding", ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"])
@pytest.mark.parametrize("coordinates", ["half_pixel", "align_corners", "asymmetric"])
@pytest.mark.parametrize("sizes", [[8, 9], [2, 4], [7, 1]])
def test_nearest(
    net: type[Net],
    same: Callable[..., Converted],
    rounding: str,
    coordinates: str,
    sizes: list[int],
) -> None:
    graph = net()
    given: dict[str, Any] = {
        "nearest_mode": rounding,
        "coordinate_transformation_mode": coordinates,
    }
    wanted = graph.const([1, 2, *sizes], "int64")
    same(graph.model(graph.op("Resize", graph.input("x", [1, 2, 4, 3]), "", "", wanted, **given)))


@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("shape", [[2, 3, 5], [1, 2, 4, 3]])
def test_smooth(
    net: type[Net], same: Callable[..., Converted], mode: str, shape: list[int | str]
) -> None:
    graph = net()
    scales = graph.const([1.0, *([1.0] if len(shape) == 3 else [1.0, 2.0]), 2.0])
    if mode == "cubic" and len(shape) == 3:
        pytest.skip("onnxruntime has cubic resizing of images only")
    same(graph.model(graph.op("Resize", graph.input("x", shape), "", scales, mode=mode)))
