"""Upper and lower triangles."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net


@pytest.mark.parametrize("upper", [0, 1])
@pytest.mark.parametrize("offset", [None, -2, 0, 1, 9])
@pytest.mark.parametrize("shape", [[4, 4], [2, 3, 5], [2, 1, 5, 3]])
def test_triangles(
    net: type[Net],
    same: Callable[..., Converted],
    upper: int,
    offset: int | None,
    shape: list[int | str],
) -> None:
    graph = net()
    extra = [] if offset is None else [graph.const(offset, "int64")]
    same(graph.model(graph.op("Trilu", graph.input("x", shape), *extra, upper=upper)))
