"""MobileNet v1: depthwise separable convolutions.

Source: Howard et al., "MobileNets" (https://arxiv.org/abs/1704.04861), table 1, and TF-slim's
``mobilenet_v1.py``, of which the published TFLite files were made: 1001 classes, an average pool
over the whole image, and logits from a 1x1 convolution.
"""

import functools

import onnx

from benchmarks.networks.layers import Layers
from benchmarks.networks.network import Network

_CLASSES = 1001
_MIN_CHANNELS = 8
_STEM_CHANNELS = 32

# Output channels at width 1 and stride of each separable convolution.
_BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *((512, 1),) * 5,
    (1024, 2),
    (1024, 1),
)


def _build(alpha: float, size: int) -> onnx.ModelProto:
    layers = Layers()
    x = layers.conv(layers.image(size), _width(_STEM_CHANNELS, alpha), 3, 2, activation="relu6")
    for channels, stride in _BLOCKS:
        x = layers.depthwise(x, 3, stride, activation="relu6")
        x = layers.conv(x, _width(channels, alpha), activation="relu6")
    return layers.model(layers.conv(layers.average_pool(x), _CLASSES), flatten=True)


def _width(channels: int, alpha: float) -> int:
    return max(int(channels * alpha), _MIN_CHANNELS)


NETWORKS = tuple(
    Network(f"mobilenet-v1-{alpha}-{size}", size, functools.partial(_build, alpha, size))
    for alpha in (0.25, 0.5, 1.0)
    for size in (128, 224)
)
