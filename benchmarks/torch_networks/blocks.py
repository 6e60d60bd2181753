"""What the networks are built of; runs where torch is."""

# mypy: allow-subclassing-any, disable-error-code="no-any-return"
# torch is not installed for mypy, so all of its classes are Any.

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

Activation = Callable[[], nn.Module]


def seeded(build: Callable[[], nn.Module]) -> nn.Module:
    """Return the network that *build* makes, with the same weights every time, ready to answer.

    Normalisations get means and variances as if they had seen data: those of a fresh network would
    do nothing.
    """
    torch.manual_seed(0)
    network = build()
    for module in network.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.running_mean.normal_(0.0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return network.eval()


def conv_norm(
    inputs: int,
    outputs: int,
    size: int = 3,
    stride: int = 1,
    *,
    groups: int = 1,
    activation: Activation = nn.ReLU,
) -> nn.Sequential:
    """Return a convolution that keeps the size at stride 1, a normalisation, an activation."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        activation(),
    )


def classifier(channels: int, classes: int = 10) -> nn.Sequential:
    """Return the head: the mean of each channel, and a layer."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


class SqueezeExcite(nn.Module):
    """Scales channels by a gate of their means (Hu et al., 2018)."""

    def __init__(self, channels: int, inner: Activation, gate: Activation) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, channels // 4, 1)
        self.inner = inner()
        self.expand = nn.Conv2d(channels // 4, channels, 1)
        self.gate = gate()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return *x* scaled."""
        means = functional.adaptive_avg_pool2d(x, 1)
        return x * self.gate(self.expand(self.inner(self.reduce(means))))


class ChannelsLastNorm(nn.LayerNorm):
    """A layer norm over the channels of an NCHW tensor (Liu et al., ConvNeXt, 2022)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return *x* normalised."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Chain(nn.Sequential):
    """Modules in a row, whose input is called ``x`` as in the other networks."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return what the last one makes."""
        return super().forward(x)
