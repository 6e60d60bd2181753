"""Batch normalization that no convolution takes in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from edgeml_runtime.errors import UnsupportedError

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net


@pytest.mark.parametrize("shape", [[2, 3], [2, 3, 4], [1, 3, 4, 5], [1, 3, 3, 3], [1, 3, 2, 2, 2]])
def test_every_rank(net: type[Net], same: Callable[..., Converted], shape: list[int | str]) -> None:
    graph = net()
    parts = [graph.const(graph.rng.uniform(0.5, 1.5, 3)) for _ in range(4)]
    x = graph.op("Tanh", graph.input("x", shape))
    converted = same(graph.model(graph.op("BatchNormalization", x, *parts, epsilon=1e-3)))
    assert converted.ops == ["TANH", "MUL", "ADD"]


def test_parameters_that_are_computed_are_refused(
    net: type[Net], convert: Callable[..., Converted]
) -> None:
    graph = net()
    parts = [graph.const(graph.rng.uniform(0.5, 1.5, 3)) for _ in range(3)]
    x, scale = graph.input("x", [2, 3]), graph.input("scale", [3])
    model = graph.model(graph.op("BatchNormalization", x, scale, *parts))
    with pytest.raises(UnsupportedError, match=r"BatchNormalization.*not constant"):
        convert(model)
