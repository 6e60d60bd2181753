"""MobileNet v2: inverted residuals with linear bottlenecks.

Source: Sandler et al., "MobileNetV2" (https://arxiv.org/abs/1801.04381), table 2, and TF-slim's
``mobilenet_v2.py``, of which the published TFLite files were made: 1001 classes, an average pool
over the whole image, logits from a 1x1 convolution, and a last layer that stays 1280 wide in
networks narrower than 1.
"""

import functools

import onnx

from benchmarks.networks.layers import Feature, Layers, divisible
from benchmarks.networks.network import Network

_CLASSES = 1001
_STEM_CHANNELS = 32
_HEAD_CHANNELS = 1280

# Expansion, output channels at width 1, repeats, stride of the first (table 2: t, c, n, s).
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def _build(alpha: float, size: int) -> onnx.ModelProto:
    layers = Layers()
    stem = divisible(_STEM_CHANNELS * alpha)
    x = layers.conv(layers.image(size), stem, 3, 2, activation="relu6")
    for expansion, channels, repeats, stride in _STAGES:
        for repeat in range(repeats):
            x = inverted_residual(
                layers,
                x,
                divisible(channels * alpha),
                expansion=expansion,
                kernel=3,
                stride=1 if repeat else stride,
            )
    x = layers.conv(x, max(_HEAD_CHANNELS, divisible(_HEAD_CHANNELS * alpha)), activation="relu6")
    return layers.model(layers.conv(layers.average_pool(x), _CLASSES), flatten=True)


def inverted_residual(
    layers: Layers, x: Feature, channels: int, *, expansion: int, kernel: int, stride: int
) -> Feature:
    """Add a block: expand, convolve by channel, project; plus its input where the shape stays.

    Args:
        layers: The network.
        x: The block's input.
        channels: The block's output channels.
        expansion: Factor on the input's channels in between; 1 leaves the expansion out.
        kernel: Height and width of the window.
        stride: Pixels from one window to the next.
    """
    y = layers.conv(x, x.channels * expansion, activation="relu6") if expansion > 1 else x
    y = layers.depthwise(y, kernel, stride, activation="relu6")
    y = layers.conv(y, channels)
    return layers.add(x, y) if stride == 1 and x.channels == channels else y


NETWORKS = tuple(
    Network(f"mobilenet-v2-{alpha}-{size}", size, functools.partial(_build, alpha, size))
    for alpha in (0.5, 1.0)
    for size in (128, 224)
)
