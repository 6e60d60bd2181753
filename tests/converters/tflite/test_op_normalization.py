"""Local response normalization, and what is made of means and variances."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net


@pytest.mark.parametrize("size", [1, 3, 5])
def test_local_response(net: type[Net], same: Callable[..., Converted], size: int) -> None:
    graph = net()
    x = graph.input("x", [1, 6, 3, 4])
    same(graph.model(graph.op("LRN", x, size=size, alpha=0.1, beta=0.6, bias=1.5)))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_layers_far_from_zero(net: type[Net], same: Callable[..., Converted], axis: int) -> None:
    """The difference of the mean square and the squared mean would be mostly rounding."""
    graph = net()
    shape = [2, 3, 8]
    parts = [graph.const(graph.rng.standard_normal(shape[axis:])) for _ in range(2)]
    x = graph.input("x", list(shape))
    feeds = {"x": (np.random.default_rng(0).uniform(0, 1, shape) + 30).astype(np.float32)}
    graph_model = graph.model(graph.op("LayerNormalization", x, *parts, axis=axis))
    converted = same(graph_model, feeds)
    assert converted.ops.count("MEAN") == 2


@pytest.mark.parametrize("shape", [[2, 3, 4], [1, 3, 4, 5]])
def test_instances(net: type[Net], same: Callable[..., Converted], shape: list[int | str]) -> None:
    graph = net()
    parts = [graph.const(graph.rng.standard_normal(3)) for _ in range(2)]
    same(graph.model(graph.op("InstanceNormalization", graph.input("x", shape), *parts)))
