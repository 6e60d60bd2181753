"""Builds an ONNX graph layer by layer, padded as TensorFlow pads, with seeded weights.

Batch normalization is left out: for inference it is part of the weights and bias of the convolution
before it, and every published TFLite file has it folded there.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnx

# The operators are those of opset 13 or older; every onnxruntime in use reads this version.
_OPSET = 17
_IR_VERSION = 8

Activation = Literal["none", "relu", "relu6"]
Padding = Literal["same", "centered"]


@dataclass(frozen=True)
class Feature:
    """A tensor in the making: square feature maps, (1, channels, size, size)."""

    name: str
    channels: int
    size: int


class Layers:
    """A network in the making; every method adds a layer and returns what it computes."""

    def __init__(self, seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._image: onnx.ValueInfoProto | None = None

    def image(self, size: int) -> Feature:
        """Add the input: an RGB image."""
        shape = [1, 3, size, size]
        self._image = onnx.helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, shape)
        return Feature("image", 3, size)

    def conv(
        self,
        source: Feature,
        channels: int,
        kernel: int = 1,
        stride: int = 1,
        *,
        activation: Activation = "none",
        padding: Padding = "same",
    ) -> Feature:
        """Add a convolution with bias.

        Args:
            source: What it reads.
            channels: Feature maps that it makes.
            kernel: Height and width of the window.
            stride: Pixels from one window to the next.
            activation: Applied to the result.
            padding: TensorFlow's ``same`` (what is odd goes to the bottom and right, so that at
                stride 2 an even image is padded only there), or as much on every side.
        """
        shape = (channels, source.channels, kernel, kernel)
        return self._window(source, shape, stride, activation, padding)

    def depthwise(
        self, source: Feature, kernel: int, stride: int, *, activation: Activation = "none"
    ) -> Feature:
        """Add a convolution of every feature map by itself, with bias."""
        shape = (source.channels, 1, kernel, kernel)
        return self._window(source, shape, stride, activation, "same")

    def add(self, left: Feature, right: Feature, *, activation: Activation = "none") -> Feature:
        """Add a sum."""
        name = self._activated(self._node("Add", left.name, right.name), activation)
        return Feature(name, left.channels, left.size)

    def max_pool(self, source: Feature, kernel: int, stride: int) -> Feature:
        """Add a maximum over windows."""
        pads = _pads(source.size, kernel, stride, "same")
        name = self._node(
            "MaxPool",
            source.name,
            kernel_shape=[kernel] * 2,
            strides=[stride] * 2,
            pads=pads,
        )
        return Feature(name, source.channels, -(-source.size // stride))

    def average_pool(self, source: Feature) -> Feature:
        """Add an average pool whose one window is the whole image."""
        name = self._node("AveragePool", source.name, kernel_shape=[source.size] * 2)
        return Feature(name, source.channels, 1)

    def mean(self, source: Feature) -> Feature:
        """Add a mean over the image."""
        return Feature(self._node("GlobalAveragePool", source.name), source.channels, 1)

    def dense(self, source: Feature, channels: int) -> Feature:
        """Add a fully connected layer over a feature of size 1, which it flattens."""
        assert source.size == 1
        weights = self._weights((channels, source.channels), source.channels)
        flat = self._node("Flatten", source.name)
        name = self._node("Gemm", flat, weights, self._bias(channels), transB=1)
        return Feature(name, channels, 1)

    def model(self, logits: Feature, *, flatten: bool = False) -> onnx.ModelProto:
        """Return the network whose output is the softmax of *logits*.

        Args:
            logits: Of size 1.
            flatten: Whether they come from a convolution and must lose their spatial axes first.
        """
        assert self._image is not None
        flat = self._node("Flatten", logits.name) if flatten else logits.name
        self._nodes.append(onnx.helper.make_node("Softmax", [flat], ["scores"], "softmax", axis=-1))
        scores = onnx.helper.make_tensor_value_info(
            "scores", onnx.TensorProto.FLOAT, [1, logits.channels]
        )
        graph = onnx.helper.make_graph(
            self._nodes, "network", [self._image], [scores], self._constants
        )
        opsets = [onnx.helper.make_opsetid("", _OPSET)]
        return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)

    def _window(
        self,
        source: Feature,
        shape: tuple[int, int, int, int],
        stride: int,
        activation: Activation,
        padding: Padding,
    ) -> Feature:
        channels, depth, kernel, _ = shape
        name = self._node(
            "Conv",
            source.name,
            self._weights(shape, depth * kernel * kernel),
            self._bias(channels),
            group=source.channels // depth,
            kernel_shape=[kernel] * 2,
            strides=[stride] * 2,
            pads=_pads(source.size, kernel, stride, padding),
        )
        return Feature(self._activated(name, activation), channels, -(-source.size // stride))

    def _activated(self, name: str, activation: Activation) -> str:
        if activation == "none":
            return name
        if activation == "relu":
            return self._node("Relu", name)
        bounds = (self._constant(np.array(bound, np.float32)) for bound in (0, 6))
        return self._node("Clip", name, *bounds)

    def _node(
        self,
        op_type: str,
        *inputs: str,
        **attributes: Any,  # noqa: ANN401 - what make_node takes
    ) -> str:
        """Add a node and return the name of its output, which is the node's too."""
        name = f"{op_type.lower()}_{len(self._nodes)}"
        self._nodes.append(onnx.helper.make_node(op_type, inputs, [name], name, **attributes))
        return name

    def _weights(self, shape: tuple[int, ...], fan_in: int) -> str:
        """Draw weights that keep the size of activations (He et al., arXiv:1502.01852)."""
        drawn = self._random.standard_normal(shape, np.float32)
        return self._constant(drawn * np.float32(np.sqrt(2.0 / fan_in)))

    def _bias(self, channels: int) -> str:
        return self._constant(self._random.standard_normal(channels, np.float32) / np.float32(10))

    def _constant(self, array: npt.NDArray[np.float32]) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(onnx.numpy_helper.from_array(array, name))
        return name


def divisible(channels: float, divisor: int = 8) -> int:
    """Return *channels* rounded to a multiple of *divisor*, but never by more than 10 % down.

    The rule by which MobileNet v2 and EfficientNet scale their widths.
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def _pads(size: int, kernel: int, stride: int, padding: Padding) -> list[int]:
    """Return ONNX pads: top, left, bottom, right."""
    if padding == "centered":
        return [kernel // 2] * 4
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return [total // 2] * 2 + [total - total // 2] * 2
