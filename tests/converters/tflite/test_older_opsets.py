"""Operators whose form or meaning changed, in every operator set from 7 to 18."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net

OPSETS = [7, 8, 9, 10, 11, 12, 13, 18]
opsets = pytest.mark.parametrize("opset", OPSETS)


def _add(
    graph: Net,
    op_type: str,
    source: str,
    outputs: int = 1,
    **parameters: Any,  # noqa: ANN401 - attributes and constant inputs
) -> str:
    """Add a node whose parameters are attributes or inputs, as the operator set has them."""
    schema = onnx.defs.get_schema(op_type, graph.opset)
    places = {value.name.lower(): at for at, value in enumerate(schema.inputs)}
    inputs, attributes = [source], {}
    for name, value in parameters.items():
        if name in schema.attributes:
            attributes[name] = value
            continue
        inputs.extend([""] * (places[name] + 1 - len(inputs)))
        kind = "float32" if name in {"scales", "roi", "ratio", "min", "max"} else "int64"
        inputs[places[name]] = graph.const(value, kind)
    return graph.op(op_type, *inputs, outputs=outputs, **attributes)


@opsets
@pytest.mark.parametrize("op_type", ["Softmax", "LogSoftmax", "Hardmax"])
@pytest.mark.parametrize("axis", [0, 1, 2, None])
def test_normalizing(
    net: type[Net], same: Callable[..., Converted], op_type: str, opset: int, axis: int | None
) -> None:
    graph = net(opset=opset)
    given = {} if axis is None else {"axis": axis}
    same(graph.model(graph.op(op_type, graph.input("x", [2, 3, 4]), **given)))


@opsets
@pytest.mark.parametrize("shape", [[1, 1000, 1, 1], [2, 3, 4, 2]])
def test_softmax_of_an_image(
    net: type[Net], same: Callable[..., Converted], opset: int, shape: list[int | str]
) -> None:
    graph = net(opset=opset)
    same(graph.model(graph.op("Softmax", graph.input("x", shape), axis=1)))


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("scales", [[1.0, 1.0, 2.0, 3.0], [1.0, 1.0, 1.5, 2.0]])
@pytest.mark.parametrize("opset", [7, 8, 9, 10, 11, 13])
def test_enlarging(
    net: type[Net], same: Callable[..., Converted], mode: str, scales: list[float], opset: int
) -> None:
    graph = net(opset=opset)
    source = graph.input("x", [1, 2, 4, 6])
    if opset < 10:
        y = _add(graph, "Upsample", source, mode=mode, scales=scales)
    elif opset < 11:
        y = _add(graph, "Resize", source, mode=mode, scales=scales)
    else:
        y = _add(
            graph,
            "Resize",
            source,
            mode=mode,
            scales=scales,
            roi=[],
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )
    same(graph.model(y))


@pytest.mark.parametrize(
    "coordinates", ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"]
)
@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("sizes", [[8, 12], [2, 3], [7, 5], [1, 1]])
@pytest.mark.parametrize("opset", [11, 13])
def test_resizing_by_every_rule(
    net: type[Net],
    same: Callable[..., Converted],
    coordinates: str,
    mode: str,
    sizes: Sequence[int],
    opset: int,
) -> None:
    graph = net(opset=opset)
    y = _add(
        graph,
        "Resize",
        graph.input("x", [1, 2, 4, 6]),
        mode=mode,
        coordinate_transformation_mode=coordinates,
        roi=[],
        scales=[],
        sizes=[1, 2, *sizes],
    )
    same(graph.model(y))


@pytest.mark.parametrize("opset", [7, 12, 13, 18])
@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("axes", [[1], [0, 2], [2, 3], None])
@pytest.mark.parametrize(
    "op_type",
    [
        *("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean"),
        *("ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare"),
    ],
)
def test_reductions(
    net: type[Net],
    same: Callable[..., Converted],
    op_type: str,
    axes: list[int] | None,
    keepdims: int,
    opset: int,
) -> None:
    graph = net(opset=opset)
    given: dict[str, Any] = {} if axes is None else {"axes": axes}
    y = _add(graph, op_type, graph.input("x", [1, 2, 3, 2]), keepdims=keepdims, **given)
    feeds = {"x": np.random.default_rng(1).uniform(0.5, 2, (1, 2, 3, 2)).astype(np.float32)}
    same(graph.model(y), feeds)


@opsets
@pytest.mark.parametrize("axes", [[0], [1, 3], [-1], [0, -1]])
def test_squeezing_and_back(
    net: type[Net], same: Callable[..., Converted], axes: list[int], opset: int
) -> None:
    """Before opset 11 negative axes are not in the standard; onnxruntime takes them."""
    graph = net(opset=opset)
    x = graph.op("Relu", graph.input("x", [1, 1, 4, 1]))
    squeezed = _add(graph, "Squeeze", x, axes=axes)
    same(graph.model(_add(graph, "Unsqueeze", squeezed, axes=[0])))


@opsets
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_concatenation(
    net: type[Net], same: Callable[..., Converted], axis: int, opset: int
) -> None:
    graph = net(opset=opset)
    x = graph.input("x", [2, 3, 4])
    joined = graph.op("Concat", x, graph.op("Relu", x), axis=axis)
    # Of a negative axis before opset 11 onnx infers no shape, which a graph's output must have.
    same(graph.model(graph.op("Reshape", joined, graph.const([48], "int64"))))


@opsets
@pytest.mark.parametrize(
    ("starts", "ends", "axes"), [([1], [3], [1]), ([0, -2], [1, 99], [0, 2]), ([1], [9], [-1])]
)
def test_slices(
    net: type[Net],
    same: Callable[..., Converted],
    starts: list[int],
    ends: list[int],
    axes: list[int],
    opset: int,
) -> None:
    graph = net(opset=opset)
    x = graph.input("x", [2, 3, 4])
    same(graph.model(_add(graph, "Slice", x, starts=starts, ends=ends, axes=axes)))


@opsets
@pytest.mark.parametrize("sizes", [[2, 2], [1, 3]])
def test_splits(
    net: type[Net], same: Callable[..., Converted], sizes: list[int], opset: int
) -> None:
    graph = net(opset=opset)
    first = _add(graph, "Split", graph.input("x", [2, 4, 3]), 2, axis=1, split=sizes)
    same(graph.model(first, f"{first}_1"))


@opsets
def test_choosing_the_greatest(net: type[Net], same: Callable[..., Converted], opset: int) -> None:
    graph = net(opset=opset)
    count: Any = 2 if opset < 10 else [2]
    values = _add(graph, "TopK", graph.input("x", [3, 5]), 2, k=count, axis=1)
    same(graph.model(values, f"{values}_1"))


@opsets
@pytest.mark.parametrize("ceil_mode", [0, 1])
@pytest.mark.parametrize("op_type", ["MaxPool", "AveragePool"])
def test_pools(
    net: type[Net], same: Callable[..., Converted], op_type: str, ceil_mode: int, opset: int
) -> None:
    if ceil_mode and opset < 10:
        pytest.skip("pools round up since opset 10")
    graph = net(opset=opset)
    rounding = {"ceil_mode": 1} if ceil_mode else {}
    attributes: dict[str, Any] = {"kernel_shape": [3, 2], "strides": [2, 2], **rounding}
    same(graph.model(graph.op(op_type, graph.input("x", [1, 3, 6, 7]), **attributes)))


@opsets
def test_batch_normalization_and_dropout(
    net: type[Net], same: Callable[..., Converted], opset: int
) -> None:
    graph = net(opset=opset)
    parts = [graph.const(graph.rng.uniform(0.5, 1.5, 3)) for _ in range(4)]
    x = graph.op("BatchNormalization", graph.input("x", [1, 3, 4, 5]), *parts)
    dropped = _add(graph, "Dropout", x, ratio=0.4)
    assert same(graph.model(graph.op("Relu", dropped))).ops


@opsets
@pytest.mark.parametrize("bias", [(5,), (1, 5), (4, 1), (4, 5)])
def test_products_with_a_bias_that_broadcasts(
    net: type[Net], same: Callable[..., Converted], bias: tuple[int, ...], opset: int
) -> None:
    graph = net(opset=opset)
    weights = graph.const(graph.rng.standard_normal((3, 5)))
    offset = graph.const(graph.rng.standard_normal(bias))
    x = graph.input("x", [4, 3])
    same(graph.model(graph.op("Gemm", x, weights, offset, alpha=0.5, beta=2.0)))


@opsets
@pytest.mark.parametrize("axis", [0, 1, 2, 3])
def test_flattening(net: type[Net], same: Callable[..., Converted], axis: int, opset: int) -> None:
    graph = net(opset=opset)
    same(graph.model(graph.op("Flatten", graph.input("x", [2, 3, 4]), axis=axis)))


@opsets
def test_bounds_and_conversion(net: type[Net], same: Callable[..., Converted], opset: int) -> None:
    graph = net(opset=opset)
    whole = graph.op("Cast", graph.input("x", [3, 4]), to=onnx.TensorProto.INT32)
    back = graph.op("Cast", whole, to=onnx.TensorProto.FLOAT)
    feeds = {"x": np.random.default_rng(0).uniform(-9, 9, (3, 4)).astype(np.float32)}
    same(graph.model(_add(graph, "Clip", back, min=-2.0, max=3.0)), feeds)


@opsets
def test_gathering_expanding_and_choosing(
    net: type[Net], same: Callable[..., Converted], opset: int
) -> None:
    graph = net(opset=opset)
    picked = graph.op("Gather", graph.input("x", [3, 4]), graph.const([2, 0], "int64"), axis=0)
    y = picked
    if opset >= 8:
        row = graph.op("Unsqueeze", picked, axes=[0]) if opset < 13 else picked
        y = graph.op("Expand", row, graph.const([3, 2, 4], "int64"))
    if opset >= 9:
        positive = graph.op("Greater", y, graph.const(0.0))
        y = graph.op("Where", positive, y, graph.const(-1.0))
    same(graph.model(y))


@pytest.mark.parametrize("opset", [9, 10, 11, 13, 16])
def test_scattering(net: type[Net], same: Callable[..., Converted], opset: int) -> None:
    graph = net(opset=opset)
    indices = graph.const([[1, 0, 2, 1]], "int64")
    updates = graph.const([[1.0, 2.0, 3.0, 4.0]])
    kind = "Scatter" if opset < 11 else "ScatterElements"
    same(graph.model(graph.op(kind, graph.input("x", [3, 4]), indices, updates, axis=0)))


@pytest.mark.parametrize("opset", [11, 13, 14])
@pytest.mark.parametrize("reverse", [0, 1])
def test_running_sums(
    net: type[Net], same: Callable[..., Converted], reverse: int, opset: int
) -> None:
    graph = net(opset=opset)
    x = graph.input("x", [3, 4])
    same(graph.model(graph.op("CumSum", x, graph.const(-1, "int64"), reverse=reverse)))
