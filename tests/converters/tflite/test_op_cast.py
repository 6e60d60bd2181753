"""Conversion of element types."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

from edgeml_runtime.errors import UnsupportedError

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net


_TYPES = ["float32", "int32", "int64", "bool", "uint8", "int8", "int16"]


@pytest.mark.parametrize("target", _TYPES)
@pytest.mark.parametrize("source", _TYPES)
def test_every_pair(
    net: type[Net], same: Callable[..., Converted], source: str, target: str
) -> None:
    graph = net()
    kinds = [onnx.helper.np_dtype_to_tensor_dtype(np.dtype(name)) for name in (source, target)]
    y = graph.op("Cast", graph.input("x", [2, 3], kinds[0]), to=kinds[1])
    feeds = {"x": np.array([[0, 1, 2], [3, 100, 0]]).astype(source)}
    assert len(same(graph.model(y), feeds).ops) <= 2


def test_to_the_type_that_is_there(net: type[Net], same: Callable[..., Converted]) -> None:
    graph = net()
    x = graph.op("Relu", graph.input("x", [2, 3]))
    assert same(graph.model(graph.op("Cast", x, to=onnx.TensorProto.FLOAT))).ops == ["RELU"]


def test_float64_is_refused_by_name(net: type[Net], convert: Callable[..., Converted]) -> None:
    graph = net()
    doubled = graph.op("Cast", graph.input("x", [2, 3]), to=onnx.TensorProto.DOUBLE)
    model = graph.model(graph.op("Softmax", doubled))
    with pytest.raises(UnsupportedError, match="float64"):
        convert(model)
