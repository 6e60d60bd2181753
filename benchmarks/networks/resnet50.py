"""ResNet50 v1.5: bottleneck residuals with the stride in the 3x3 convolution.

Source: He et al., "Deep Residual Learning" (https://arxiv.org/abs/1512.03385), table 1, and the
official TensorFlow model (``official/r1/resnet/resnet_model.py``) that MLPerf publishes: 1001
classes, and convolutions of stride 2 that are padded alike on all sides. TFLite has no such
padding, so its files have a PAD before each of these four.
"""

import onnx

from benchmarks.networks.layers import Feature, Layers
from benchmarks.networks.network import Network

_CLASSES = 1001
_INPUT_SIZE = 224
_STEM_CHANNELS = 64
_EXPANSION = 4

# Bottleneck channels, blocks, stride of the first.
_STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))


def _build() -> onnx.ModelProto:
    layers = Layers()
    image = layers.image(_INPUT_SIZE)
    x = layers.conv(image, _STEM_CHANNELS, 7, 2, activation="relu", padding="centered")
    x = layers.max_pool(x, 3, 2)
    for channels, blocks, stride in _STAGES:
        x = _block(layers, x, channels, stride, project=True)
        for _ in range(blocks - 1):
            x = _block(layers, x, channels, 1, project=False)
    return layers.model(layers.dense(layers.mean(x), _CLASSES))


def _block(layers: Layers, x: Feature, channels: int, stride: int, *, project: bool) -> Feature:
    shortcut = layers.conv(x, channels * _EXPANSION, 1, stride) if project else x
    y = layers.conv(x, channels, activation="relu")
    y = layers.conv(y, channels, 3, stride, activation="relu", padding="centered")
    y = layers.conv(y, channels * _EXPANSION)
    return layers.add(shortcut, y, activation="relu")


NETWORKS = (Network("resnet50", _INPUT_SIZE, _build),)
