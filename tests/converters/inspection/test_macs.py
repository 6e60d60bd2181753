"""Multiply-accumulates and parameters, against counts made by hand and published ones."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from edgeml_converters.inspection import inspect_model

SaveOnnx = Callable[..., Path]


def _zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize(
    ("node", "inputs", "weights", "output", "macs"),
    [
        pytest.param(
            helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1], strides=[2, 2]),
            {"x": [1, 3, 8, 6]},
            {"w": _zeros(5, 3, 3, 3)},
            [1, 5, 4, 3],
            4 * 3 * 5 * 3 * 3 * 3,
            id="conv",
        ),
        pytest.param(
            helper.make_node("Conv", ["x", "w"], ["y"], group=4),
            {"x": [1, 4, 5, 5]},
            {"w": _zeros(4, 1, 3, 3)},
            [1, 4, 3, 3],
            3 * 3 * 4 * 9,
            id="depthwise",
        ),
        pytest.param(
            helper.make_node("Conv", ["x", "w"], ["y"]),
            {"x": [1, 2, 10]},
            {"w": _zeros(3, 2, 4)},
            [1, 3, 7],
            7 * 3 * 2 * 4,
            id="conv1d",
        ),
        pytest.param(
            helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2]),
            {"x": [1, 3, 4, 4]},
            {"w": _zeros(3, 5, 2, 2)},
            [1, 5, 8, 8],
            4 * 4 * 3 * 5 * 2 * 2,
            id="conv_transpose",
        ),
        pytest.param(
            helper.make_node("Gemm", ["x", "w"], ["y"], transB=1),
            {"x": [1, 20]},
            {"w": _zeros(7, 20)},
            [1, 7],
            140,
            id="gemm",
        ),
        pytest.param(
            helper.make_node("Gemm", ["x", "w"], ["y"], transA=1),
            {"x": [20, 3]},
            {"w": _zeros(20, 7)},
            [3, 7],
            3 * 20 * 7,
            id="gemm_transposed",
        ),
        pytest.param(
            helper.make_node("MatMul", ["x", "z"], ["y"]),
            {"x": [2, 4, 5, 6], "z": [2, 4, 6, 3]},
            {},
            [2, 4, 5, 3],
            2 * 4 * 5 * 6 * 3,
            id="matmul",
        ),
        pytest.param(
            helper.make_node("LSTM", ["x", "w", "r"], ["", "y"], hidden_size=4),
            {"x": [6, 1, 3]},
            {"w": _zeros(1, 16, 3), "r": _zeros(1, 16, 4)},
            [1, 1, 4],
            6 * 4 * 4 * (3 + 4),
            id="lstm",
        ),
    ],
)
def test_operators_counted_by_hand(
    save_onnx: SaveOnnx,
    node: onnx.NodeProto,
    inputs: dict[str, list[int]],
    weights: dict[str, np.ndarray],
    output: list[int],
    macs: int,
) -> None:
    found = inspect_model(save_onnx([node], inputs, {"y": output}, weights))
    assert found.macs == macs
    assert found.macs_by_op == {node.op_type: macs}
    assert found.parameters == sum(array.size for array in weights.values())


def test_a_free_batch_counts_as_one(save_onnx: SaveOnnx) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("Flatten", ["c"], ["f"]),
        helper.make_node("MatMul", ["f", "v"], ["y"]),
    ]
    weights = {"w": _zeros(2, 1, 3, 3), "v": _zeros(8, 5)}
    path = save_onnx(nodes, {"x": ["batch", 1, 4, 4]}, {"y": ["batch", 5]}, weights)
    found = inspect_model(path)
    assert found.macs == 2 * 2 * 2 * 9 + 8 * 5
    assert [vars(axis) for axis in found.free_axes] == [
        {"input": "x", "axis": 0, "symbol": "batch"}
    ]


def test_other_free_sizes_leave_the_figures_open(save_onnx: SaveOnnx) -> None:
    path = save_onnx(
        [helper.make_node("Conv", ["x", "w"], ["y"])],
        {"x": [1, 1, "height", "width"]},
        {"y": [1, 2, "h", "w_out"]},
        {"w": _zeros(2, 1, 3, 3)},
    )
    found = inspect_model(path)
    (blocker,) = found.blockers
    assert "free axes" in blocker.reason
    assert found.macs is None
    assert found.peak_activation_bytes is None
    assert "MACs are not known: sizes of Conv" in found.notes[0]
    assert [axis.symbol for axis in found.free_axes] == ["height", "width"]


def test_scales_bounds_and_shapes_are_no_parameters(save_onnx: SaveOnnx) -> None:
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "scale", "zero"], ["real"], axis=0),
        helper.make_node("Conv", ["x", "real", "bias"], ["c"]),
        helper.make_node("Clip", ["c", "low", "high"], ["clipped"]),
        helper.make_node("Reshape", ["clipped", "shape"], ["y"]),
    ]
    weights = {
        "w": np.zeros((2, 3, 1, 1), np.int8),
        "scale": np.ones(2, np.float32),
        "zero": np.zeros(2, np.int8),
        "bias": _zeros(2),
        "low": np.array(0, np.float32),
        "high": np.array(6, np.float32),
        "shape": np.array([1, -1]),
    }
    found = inspect_model(save_onnx(nodes, {"x": [1, 3, 2, 2]}, {"y": [1, 8]}, weights))
    assert found.parameters == 2 * 3 + 2
    assert found.macs == 4 * 6


def _conv(
    nodes: list[onnx.NodeProto],
    weights: dict[str, np.ndarray],
    value: str,
    shape: tuple[int, int, int, int, int],
) -> str:
    """Add a convolution (in, out, kernel, stride, groups); return the name of its result."""
    channels, out_channels, kernel, stride, groups = shape
    key = f"n{len(nodes)}"
    weights[f"{key}w"] = _zeros(out_channels, channels // groups, kernel, kernel)
    weights[f"{key}b"] = _zeros(out_channels)
    nodes.append(
        helper.make_node(
            "Conv",
            [value, f"{key}w", f"{key}b"],
            [f"{key}c"],
            group=groups,
            strides=[stride, stride],
            pads=[kernel // 2] * 4,
        )
    )
    return f"{key}c"


def _mobilenet_v2() -> tuple[list[onnx.NodeProto], dict[str, np.ndarray]]:
    """MobileNet v2 1.0 (Sandler et al. 2018, table 2), batch norm folded, activations left out."""
    nodes: list[onnx.NodeProto] = []
    weights: dict[str, np.ndarray] = {}
    value, channels = _conv(nodes, weights, "image", (3, 32, 3, 2, 1)), 32
    blocks = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1))
    for expand, out_channels, repeats, first_stride in (*blocks, (6, 160, 3, 2), (6, 320, 1, 1)):
        for repeat in range(repeats):
            stride = first_stride if repeat == 0 else 1
            entry, wide = value, channels * expand
            if expand != 1:
                value = _conv(nodes, weights, value, (channels, wide, 1, 1, 1))
            value = _conv(nodes, weights, value, (wide, wide, 3, stride, wide))
            value = _conv(nodes, weights, value, (wide, out_channels, 1, 1, 1))
            if stride == 1 and channels == out_channels:
                nodes.append(helper.make_node("Add", [entry, value], [f"{value}r"]))
                value = f"{value}r"
            channels = out_channels
    value = _conv(nodes, weights, value, (320, 1280, 1, 1, 1))
    weights["fc"], weights["fc_bias"] = _zeros(1280, 1000), _zeros(1000)
    nodes.append(helper.make_node("GlobalAveragePool", [value], ["pooled"]))
    nodes.append(helper.make_node("Flatten", ["pooled"], ["features"]))
    nodes.append(helper.make_node("Gemm", ["features", "fc", "fc_bias"], ["logits"]))
    return nodes, weights


def test_mobilenet_v2_has_its_published_size(save_onnx: SaveOnnx) -> None:
    nodes, weights = _mobilenet_v2()
    shapes: tuple[dict[str, list[object]], ...] = (
        {"image": ["n", 3, 224, 224]},
        {"logits": ["n", 1000]},
    )
    found = inspect_model(save_onnx(nodes, *shapes, weights))
    # Published: 300 M MACs and 3.4 M parameters, both rounded.
    assert found.macs == 300_774_272
    assert found.parameters == 3_487_816
    # The widest place: 96 channels of 112x112 become 96 of 56x56, beside the image.
    image, wide, half, logits = 3 * 224 * 224, 96 * 112 * 112, 96 * 56 * 56, 1000
    assert found.peak_activation_bytes == 4 * (image + wide + half + logits)
    assert found.blockers == ()
