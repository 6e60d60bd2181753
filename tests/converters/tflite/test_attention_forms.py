"""What networks with attention are made of: norms, windows, parts, shuffles of channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net


@pytest.mark.parametrize(("opset", "axis"), [(17, -1), (18, -1), (21, 1)])
def test_a_layer_norm_is_nine_operators(
    net: type[Net], same: Callable[..., Converted], opset: int, axis: int
) -> None:
    graph = net(opset=opset)
    sizes = [5, 12][axis % 3 - 1 :]
    scale, offset = (graph.const(np.random.default_rng(n).random(sizes)) for n in (0, 1))
    x = graph.input("x", [1, 5, 12])
    converted = same(graph.model(graph.op("LayerNormalization", x, scale, offset, axis=axis)))
    assert sorted(converted.ops) == sorted(
        ["MEAN", "SUB", "MUL", "MEAN", "ADD", "RSQRT", "MUL", "MUL", "ADD"]
    )


def test_a_layer_norm_of_numbers_far_from_zero_keeps_their_spread(
    net: type[Net], convert: Callable[..., Converted]
) -> None:
    graph = net(opset=17)
    x = np.random.default_rng(0).normal(3000.0, 1.0, (1, 4, 64)).astype(np.float32)
    scale = graph.const(np.ones(64, np.float32))
    result = graph.op("LayerNormalization", graph.input("x", [1, 4, 64]), scale)
    converted = convert(graph.model(result), {"x": x})
    wide = x.astype(np.float64)
    exact = (wide - wide.mean(-1, keepdims=True)) / np.sqrt(wide.var(-1, keepdims=True) + 1e-5)
    (found,) = converted.results.values()
    np.testing.assert_allclose(found, exact, atol=2e-3)


def test_windows_are_cut_and_joined_without_six_axes(
    net: type[Net], same: Callable[..., Converted]
) -> None:
    graph = net()
    image = graph.op(
        "Transpose", graph.conv(graph.input("x", [1, 3, 8, 12]), (3, 5)), perm=[0, 2, 3, 1]
    )
    split = graph.op("Reshape", image, graph.const([1, 2, 4, 3, 4, 5], "int64"))
    turned = graph.op("Transpose", split, perm=[0, 1, 3, 2, 4, 5])
    windows = graph.op("Reshape", turned, graph.const([6, 16, 5], "int64"))
    halves = graph.op("Sigmoid", windows)
    split = graph.op("Reshape", halves, graph.const([1, 2, 3, 4, 4, 5], "int64"))
    turned = graph.op("Transpose", split, perm=[0, 1, 3, 2, 4, 5])
    converted = same(graph.model(graph.op("Reshape", turned, graph.const([1, 8, 12, 5], "int64"))))
    assert "TRANSPOSE" not in converted.ops
    assert {"SPACE_TO_DEPTH", "DEPTH_TO_SPACE"} <= set(converted.ops)


def test_windows_of_other_sides_stay_as_they_are(
    net: type[Net], same: Callable[..., Converted]
) -> None:
    graph = net()
    split = graph.op(
        "Reshape", graph.input("x", [1, 8, 12, 5]), graph.const([1, 4, 2, 3, 4, 5], "int64")
    )
    turned = graph.op("Transpose", split, perm=[0, 1, 3, 2, 4, 5])
    converted = same(graph.model(graph.op("Reshape", turned, graph.const([12, 8, 5], "int64"))))
    assert "SPACE_TO_DEPTH" not in converted.ops


@pytest.mark.parametrize(("parts", "ops"), [(3, 1), (2, 2)], ids=["all", "some"])
def test_slices_that_are_the_whole_are_one_split(
    net: type[Net], same: Callable[..., Converted], parts: int, ops: int
) -> None:
    graph = net()
    x = graph.input("x", [3, 4, 5])
    slices = [
        graph.op("Slice", x, *(graph.const([n], "int64") for n in (place, place + 1, 0)))
        for place in range(parts)
    ]
    converted = same(graph.model(*(graph.op("Sigmoid", part) for part in slices)))
    cut = [name for name in converted.ops if name != "LOGISTIC"]
    assert len(cut) == ops


def test_a_shuffle_of_channels_stays_channels_last(
    net: type[Net], same: Callable[..., Converted]
) -> None:
    graph = net()
    x = graph.conv(graph.input("x", [1, 3, 6, 5]), (3, 8))
    split = graph.op("Reshape", x, graph.const([1, 2, 4, 6, 5], "int64"))
    turned = graph.op("Transpose", split, perm=[0, 2, 1, 3, 4])
    whole = graph.op("Reshape", turned, graph.const([1, 8, 6, 5], "int64"))
    converted = same(graph.model(graph.conv(whole, (8, 4))))
    assert converted.ops.count("TRANSPOSE") == 1


@pytest.mark.parametrize("dtype", ["int64", "int32"])
def test_an_embedding_is_one_operator_that_refuses_places_outside(
    net: type[Net],
    same: Callable[..., Converted],
    tflite_runner: Callable[..., dict[str, np.ndarray]],
    dtype: str,
) -> None:
    graph = net()
    kind = {"int64": onnx.TensorProto.INT64, "int32": onnx.TensorProto.INT32}[dtype]
    table = graph.const(np.random.default_rng(0).standard_normal((9, 4)))
    result = graph.op("Gather", table, graph.input("x", [1, 5], kind))
    converted = same(graph.model(result), {"x": np.array([[0, 8, 3, 3, 1]], dtype)})
    assert converted.ops == ["GATHER"]
    with pytest.raises(RuntimeError, match="out of bounds"):
        tflite_runner(converted.data, {"x": np.array([[0, -1, 3, 3, 1]], dtype)})
