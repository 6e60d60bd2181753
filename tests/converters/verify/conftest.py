"""The example network, its data and small networks that the verification tests share."""

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgeml_converters.data import Dataset, open_data
from edgeml_runtime.engines import Engine, open_engine
from edgeml_runtime.preprocess import Pipeline

FASHION = Path(__file__).parents[3] / "examples" / "fashion"

BuildConv = Callable[..., bytes]


@pytest.fixture(scope="session")
def fashion_engine() -> Iterator[Engine]:
    """The example network in onnxruntime."""
    engine = open_engine("onnxruntime", FASHION / "fashion.onnx")
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def fashion_data(fashion_engine: Engine) -> Dataset:
    """The labelled test pictures of the example."""
    steps = tomllib.loads((FASHION / "preprocess.toml").read_text())
    return open_data(str(FASHION / "test.npz"), fashion_engine.inputs, Pipeline.from_json(steps))


@pytest.fixture(scope="session")
def build_conv() -> BuildConv:
    """An ONNX file of one 3x3 convolution from 2 to 4 channels over 5x7, NCHW or NHWC at its ports.

    ``int8`` adds quantized ports: the input has scale 0.05 and zero point 3, the output 0.1 and -5.
    """

    def build(*, layout: str = "NCHW", int8: bool = False) -> bytes:
        weights = np.random.default_rng(0).standard_normal((4, 2, 3, 3)).astype(np.float32)
        nodes, value = [], "x"
        initializers = [numpy_helper.from_array(weights, "w")]
        if int8:
            for name, scale, zero_point in (("in", 0.05, 3), ("out", 0.1, -5)):
                initializers.append(
                    numpy_helper.from_array(np.array(scale, np.float32), f"{name}_scale")
                )
                initializers.append(
                    numpy_helper.from_array(np.array(zero_point, np.int8), f"{name}_zero")
                )
            nodes.append(
                helper.make_node("DequantizeLinear", [value, "in_scale", "in_zero"], ["real"])
            )
            value = "real"
        if layout == "NHWC":
            nodes.append(helper.make_node("Transpose", [value], ["nchw"], perm=[0, 3, 1, 2]))
            value = "nchw"
        nodes.append(helper.make_node("Conv", [value, "w"], ["conv"], pads=[1, 1, 1, 1]))
        # Keeps onnxruntime from quantizing the weights too, as it does between DQ, Conv and Q.
        nodes.append(helper.make_node("Neg", ["conv"], ["negative"]))
        value = "negative"
        if layout == "NHWC":
            nodes.append(helper.make_node("Transpose", [value], ["nhwc"], perm=[0, 2, 3, 1]))
            value = "nhwc"
        last = ["out_scale", "out_zero"] if int8 else []
        kind = "QuantizeLinear" if int8 else "Identity"
        nodes.append(helper.make_node(kind, [value, *last], ["y"]))
        element = onnx.TensorProto.INT8 if int8 else onnx.TensorProto.FLOAT
        shapes = {"NCHW": ([1, 2, 5, 7], [1, 4, 5, 7]), "NHWC": ([1, 5, 7, 2], [1, 5, 7, 4])}
        before, after = shapes[layout]
        graph = helper.make_graph(
            nodes,
            "conv",
            [helper.make_tensor_value_info("x", element, before)],
            [helper.make_tensor_value_info("y", element, after)],
            initializers,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())

    return build
