"""Whole networks: the same results, no transposes, as few operators as can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

if TYPE_CHECKING:
    from tests.converters.tflite.conftest import Converted, Net

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
FASHION = Path(__file__).parents[3] / "examples" / "fashion"


def _tensorflow_pads(size: int, kernel: int, stride: int) -> list[int]:
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return [total // 2, total // 2, total - total // 2, total - total // 2]


def _inverted_residual(
    graph: Net, x: str, size: int, channels: tuple[int, int], options: tuple[int, int, int]
) -> str:
    """A block of MobileNet v2: expand, depthwise, project, add where the shape stays."""
    given, made = channels
    expansion, kernel, stride = options
    y, width = x, given * expansion
    if expansion > 1:
        y = graph.conv(y, (given, width), kernel=1)
    pads = _tensorflow_pads(size, kernel, stride)
    y = graph.conv(
        y, (width, width), kernel=kernel, groups=width, pads=pads, strides=[stride, stride]
    )
    y = graph.conv(y, (width, made), kernel=1, relu6=False)
    return graph.op("Add", x, y) if stride == 1 and given == made else y


def _mobilenet_v2_like(
    graph: Net, blocks: list[tuple[int, int, int, int, int]], size: int, head: int
) -> onnx.ModelProto:
    """Return a network of (expansion, channels, repeats, stride, kernel) blocks."""
    x = graph.input("image", ["batch", 3, size, size])
    y = graph.conv(x, (3, 32), strides=[2, 2], pads=_tensorflow_pads(size, 3, 2))
    size, given = size // 2, 32
    for expansion, made, repeats, stride, kernel in blocks:
        for repeat in range(repeats):
            step = stride if repeat == 0 else 1
            y = _inverted_residual(graph, y, size, (given, made), (expansion, kernel, step))
            size, given = -(-size // step), made
    y = graph.conv(y, (given, head), kernel=1)
    y = graph.op("Flatten", graph.op("GlobalAveragePool", y))
    return graph.model(graph.gemm(graph.op("Dropout", y), head, 1000))


def test_mobilenet_v1(net: type[Net], same: Callable[..., Converted]) -> None:
    graph = net()
    y = graph.conv(graph.input("image", [1, 3, 96, 96]), (3, 32), strides=[2, 2])
    given = 32
    plan = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (1024, 2)]
    for made, stride in plan:
        y = graph.conv(y, (given, given), groups=given, strides=[stride, stride])
        y = graph.conv(y, (given, made), kernel=1)
        given = made
    y = graph.op("GlobalAveragePool", y)
    y = graph.op("Reshape", y, graph.const([-1, 1024], "int64"))
    converted = same(graph.model(graph.op("Softmax", graph.gemm(y, 1024, 100))))
    counts = Counter(converted.ops)
    assert set(counts) == {
        *("CONV_2D", "DEPTHWISE_CONV_2D", "PAD"),
        *("MEAN", "FULLY_CONNECTED", "SOFTMAX"),
    }
    # Symmetric padding at stride 2 starts one element earlier than TFLite's SAME.
    assert counts["PAD"] == 5


def test_mobilenet_v2(net: type[Net], same: Callable[..., Converted]) -> None:
    blocks = [
        *((1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 32, 3, 2, 3), (6, 64, 4, 2, 3)),
        *((6, 96, 3, 1, 3), (6, 160, 3, 2, 3), (6, 320, 1, 1, 3)),
    ]
    converted = same(_mobilenet_v2_like(net(), blocks, 96, 1280))
    assert Counter(converted.ops) == {
        "CONV_2D": 35,
        "DEPTHWISE_CONV_2D": 17,
        "ADD": 10,
        "MEAN": 1,
        "FULLY_CONNECTED": 1,
    }


def test_efficientnet_lite0_takes_sixty_operators(
    net: type[Net], same: Callable[..., Converted]
) -> None:
    blocks = [
        *((1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3)),
        *((6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3)),
    ]
    converted = same(_mobilenet_v2_like(net(), blocks, 96, 1280))
    assert len(converted.ops) == 60
    assert "TRANSPOSE" not in converted.ops
    assert converted.results.keys() == converted.expected.keys()


def test_fashion_example(same: Callable[..., Converted]) -> None:
    model = onnx.load(FASHION / "fashion.onnx")
    images = np.load(FASHION / "calibration.npz")["inputs"][:1]
    pixels = (images.reshape(1, 1, 28, 28).astype(np.float32) / 255 - 0.286) / 0.353
    converted = same(model, {model.graph.input[0].name: pixels})
    assert Counter(converted.ops) == {
        "CONV_2D": 6,
        "DEPTHWISE_CONV_2D": 5,
        "PAD": 2,
        "MEAN": 1,
        "FULLY_CONNECTED": 1,
    }


def _randomize(model: onnx.ModelProto) -> None:
    """Give a light model real weights in place of its constant ones.

    Weights of convolutions and matrix products are He-initialized; what else was constant stays
    near one, so that no activation vanishes or explodes.
    """
    rng = np.random.default_rng(0)
    kept = []
    for node in model.graph.node:
        if node.op_type != "ConstantOfShape":
            kept.append(node)
            continue
        sizes = next(i for i in model.graph.initializer if i.name == node.input[0])
        shape = onnx.numpy_helper.to_array(sizes)
        if len(shape) > 1 and np.prod(shape[1:]) > 1:
            array = rng.standard_normal(shape) * np.sqrt(2.0 / np.prod(shape[1:]))
        else:
            array = rng.uniform(0.8, 1.2, shape)
        tensor = onnx.numpy_helper.from_array(array.astype(np.float32), node.output[0])
        model.graph.initializer.append(tensor)
    del model.graph.node[:]
    model.graph.node.extend(kept)


@pytest.mark.parametrize(
    ("name", "most_ops"),
    [
        ("squeezenet", 41),
        ("resnet50", 79),
        ("inception_v1", 87),
        ("shufflenet", 134),
    ],
)
def test_light_models_with_random_weights(
    same: Callable[..., Converted], name: str, most_ops: int
) -> None:
    model = onnx.load(LIGHT / f"light_{name}.onnx")
    _randomize(model)
    converted = same(model)
    assert len(converted.ops) <= most_ops
    assert "BATCH_MATMUL" not in converted.ops


@pytest.mark.slow
@pytest.mark.parametrize(("name", "most_ops"), [("densenet121", 372), ("inception_v2", 163)])
def test_more_light_models(same: Callable[..., Converted], name: str, most_ops: int) -> None:
    model = onnx.load(LIGHT / f"light_{name}.onnx")
    _randomize(model)
    assert len(same(model).ops) <= most_ops
