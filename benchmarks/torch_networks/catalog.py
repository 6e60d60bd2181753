"""All networks by name; to add one, write its class and add its line. Must not need torch."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SAMPLES = 3
_VOCABULARY = 100


@dataclass(frozen=True)
class TorchNetwork:
    """A network.

    Args:
        name: As its architecture is called.
        factory: ``module:function`` that makes the module, always the same.
        shape: Of its input ``x``; images are NCHW.
        dtype: Of its input.
    """

    name: str
    factory: str
    shape: tuple[int, ...]
    dtype: str = "float32"

    @property
    def input_shape(self) -> str:
        """What ``edgeml convert --input-shape`` takes."""
        return f"x:{'x'.join(map(str, self.shape))}:{self.dtype}"


def _family(module: str, shape: tuple[int, ...], *names: str) -> tuple[TorchNetwork, ...]:
    place = f"benchmarks.torch_networks.{module}"
    return tuple(TorchNetwork(name, f"{place}:{name}", shape) for name in names)


_ALL = (
    *_family("residual", (1, 3, 64, 64), "resnet", "regnet", "convnext"),
    *_family("mobile", (1, 3, 64, 64), "mobilenet_v2", "mobilenet_v3", "efficientnet"),
    *_family("mobile", (1, 3, 32, 32), "shufflenet"),
    *_family("transformers", (1, 3, 64, 64), "vit", "swin"),
    TorchNetwork("bert", "benchmarks.torch_networks.transformers:bert", (1, 16), "int64"),
    *_family("dense", (1, 3, 64, 64), "unet", "yolo", "deeplab"),
    *_family("sequences", (1, 20, 12), "lstm", "gru"),
    *_family("sequences", (1, 1, 2000), "audio"),
)

TORCH_NETWORKS: Mapping[str, TorchNetwork] = {network.name: network for network in _ALL}


def samples(network: TorchNetwork) -> tuple[npt.NDArray[np.generic], ...]:
    """Return inputs to compare by, always the same: normal noise, or indices of words."""
    random = np.random.default_rng(0)
    if network.dtype == "float32":
        return tuple(random.standard_normal(network.shape, np.float32) for _ in range(SAMPLES))
    return tuple(random.integers(0, _VOCABULARY, network.shape) for _ in range(SAMPLES))
