"""Blocks of elements to channels and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("mode", ["DCR", "CRD"])
@pytest.mark.parametrize("channels", [1, 2])
def test_depth_to_space(
    net: type[Net], same: Callable[..., Converted], mode: str, size: int, channels: int
) -> None:
    graph = net()
    x = graph.input("x", [2, channels * size * size, 4, 5])
    same(graph.model(graph.op("DepthToSpace", x, blocksize=size, mode=mode)))


@pytest.mark.parametrize("size", [2, 3])
def test_space_to_depth(net: type[Net], same: Callable[..., Converted], size: int) -> None:
    graph = net()
    x = graph.input("x", [2, 3, 2 * size, 3 * size])
    same(graph.model(graph.op("SpaceToDepth", x, blocksize=size)))
