"""EfficientNet-Lite: EfficientNet without squeeze-and-excitation, with ReLU6.

Source: Tan and Le, "EfficientNet" (https://arxiv.org/abs/1905.11946), table 1, and the builder of
the Lite variants in tensorflow/tpu (``models/official/efficientnet/lite``): stem and head are not
scaled, nor is the depth of the first and last stage; 1000 classes.
"""

import functools
import math

import onnx

from benchmarks.networks.layers import Layers, divisible
from benchmarks.networks.mobilenet_v2 import inverted_residual
from benchmarks.networks.network import Network

_CLASSES = 1000
_STEM_CHANNELS = 32
_HEAD_CHANNELS = 1280

# Expansion, output channels at width 1, repeats at depth 1, kernel, stride of the first.
_STAGES = (
    (1, 16, 1, 3, 1),
    (6, 24, 2, 3, 2),
    (6, 40, 2, 5, 2),
    (6, 80, 3, 3, 2),
    (6, 112, 3, 5, 1),
    (6, 192, 4, 5, 2),
    (6, 320, 1, 3, 1),
)


def _build(width: float, depth: float, size: int) -> onnx.ModelProto:
    layers = Layers()
    x = layers.conv(layers.image(size), _STEM_CHANNELS, 3, 2, activation="relu6")
    for index, (expansion, channels, repeats, kernel, stride) in enumerate(_STAGES):
        outermost = index in {0, len(_STAGES) - 1}
        for repeat in range(repeats if outermost else math.ceil(repeats * depth)):
            x = inverted_residual(
                layers,
                x,
                divisible(channels * width),
                expansion=expansion,
                kernel=kernel,
                stride=1 if repeat else stride,
            )
    x = layers.conv(x, _HEAD_CHANNELS, activation="relu6")
    return layers.model(layers.dense(layers.average_pool(x), _CLASSES))


NETWORKS = (
    Network("efficientnet-lite0", 224, functools.partial(_build, 1.0, 1.0, 224)),
    Network("efficientnet-lite2", 260, functools.partial(_build, 1.1, 1.2, 260)),
)
