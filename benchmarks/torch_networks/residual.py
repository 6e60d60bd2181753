"""Classifiers that add what a block makes to what went in; runs where torch is."""

# mypy: allow-subclassing-any, disable-error-code="no-any-return"
# torch is not installed for mypy, so all of its classes are Any.

import torch
from torch import nn
from torch.nn import functional

from benchmarks.torch_networks.blocks import (
    Chain,
    ChannelsLastNorm,
    SqueezeExcite,
    classifier,
    conv_norm,
    seeded,
)


class _BasicBlock(nn.Module):
    """Two convolutions beside a shortcut (He et al., ResNet, 2015)."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.first = conv_norm(inputs, outputs, 3, stride)
        self.second = conv_norm(outputs, outputs, activation=nn.Identity)
        same = stride == 1 and inputs == outputs
        shortcut = conv_norm(inputs, outputs, 1, stride, activation=nn.Identity)
        self.shortcut = nn.Identity() if same else shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.second(self.first(x)) + self.shortcut(x))


class _RegNetBlock(nn.Module):
    """A bottleneck of grouped convolutions with a gate (Radosavovic et al., RegNetY, 2020)."""

    def __init__(self, inputs: int, outputs: int, groups: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv_norm(inputs, outputs, 1),
            conv_norm(outputs, outputs, 3, 2, groups=groups),
            SqueezeExcite(outputs, nn.ReLU, nn.Sigmoid),
            conv_norm(outputs, outputs, 1, activation=nn.Identity),
        )
        self.shortcut = conv_norm(inputs, outputs, 1, 2, activation=nn.Identity)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.body(x) + self.shortcut(x))


class _ConvNextBlock(nn.Module):
    """A wide depthwise convolution and two layers over the channels (Liu et al., 2022)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, 1, 3, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.widen = nn.Linear(channels, 4 * channels)
        self.narrow = nn.Linear(4 * channels, channels)
        self.scale = nn.Parameter(torch.full((channels,), 0.1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.scale * self.narrow(functional.gelu(self.widen(y)))
        return x + y.permute(0, 3, 1, 2)


def resnet() -> nn.Module:
    """Return a ResNet of three blocks."""
    return seeded(
        lambda: Chain(
            conv_norm(3, 16, 7, 2),
            nn.MaxPool2d(3, 2, 1),
            _BasicBlock(16, 16),
            _BasicBlock(16, 32, 2),
            _BasicBlock(32, 64, 2),
            classifier(64),
        )
    )


def regnet() -> nn.Module:
    """Return a RegNetY of two blocks, groups of 8 channels."""
    return seeded(
        lambda: Chain(
            conv_norm(3, 16, 3, 2), _RegNetBlock(16, 24, 3), _RegNetBlock(24, 48, 6), classifier(48)
        )
    )


def convnext() -> nn.Module:
    """Return a ConvNeXt of two stages."""
    return seeded(
        lambda: Chain(
            nn.Conv2d(3, 24, 4, 4),
            ChannelsLastNorm(24),
            _ConvNextBlock(24),
            ChannelsLastNorm(24),
            nn.Conv2d(24, 48, 2, 2),
            _ConvNextBlock(48),
            nn.AdaptiveAvgPool2d(1),
            ChannelsLastNorm(48),
            nn.Flatten(),
            nn.Linear(48, 10),
        )
    )
