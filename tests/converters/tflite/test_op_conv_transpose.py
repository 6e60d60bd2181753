"""Transposed convolutions with every padding."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from edgeml_runtime.errors import UnsupportedError

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"strides": [2, 3]},
        {"strides": [2, 2], "pads": [1, 0, 1, 2]},
        {"strides": [3, 2], "output_padding": [2, 1]},
        {"dilations": [2, 1], "pads": [1, 1, 1, 1]},
        {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
        {"strides": [2, 2], "auto_pad": "SAME_LOWER"},
        {"strides": [2, 2], "output_shape": [9, 11]},
    ],
)
@pytest.mark.parametrize("bias", [True, False])
def test_images(
    net: type[Net],
    same: Callable[..., Converted],
    attributes: dict[str, Any],
    groups: int,
    bias: bool,
) -> None:
    graph = net()
    weights = graph.const(graph.rng.standard_normal((4, 3, 3, 2)))
    offset = [graph.const(graph.rng.standard_normal(3 * groups))] if bias else []
    x = graph.input("x", [1, 4, 4, 5])
    same(graph.model(graph.op("ConvTranspose", x, weights, *offset, group=groups, **attributes)))


@pytest.mark.parametrize("stride", [1, 3])
def test_lines(net: type[Net], same: Callable[..., Converted], stride: int) -> None:
    graph = net()
    weights = graph.const(graph.rng.standard_normal((4, 3, 5)))
    x = graph.input("x", [2, 4, 7])
    same(graph.model(graph.op("ConvTranspose", x, weights, strides=[stride], pads=[2, 1])))


def test_volumes_are_refused_by_name(net: type[Net], convert: Callable[..., Converted]) -> None:
    graph = net()
    weights = graph.const(graph.rng.standard_normal((2, 3, 2, 2, 2)))
    model = graph.model(graph.op("ConvTranspose", graph.input("x", [1, 2, 3, 3, 3]), weights))
    with pytest.raises(UnsupportedError, match=r"ConvTranspose.*spatial axes"):
        convert(model)
