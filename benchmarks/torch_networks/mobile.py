"""Classifiers for phones; runs where torch is."""

# mypy: allow-subclassing-any, disable-error-code="no-any-return"
# torch is not installed for mypy, so all of its classes are Any.

import torch
from torch import nn

from benchmarks.torch_networks.blocks import (
    Activation,
    Chain,
    SqueezeExcite,
    classifier,
    conv_norm,
    seeded,
)


class _InvertedResidual(nn.Module):
    """Expands, convolves channel by channel, projects (Sandler et al., MobileNetV2, 2018)."""

    def __init__(
        self, inputs: int, outputs: int, stride: int, activation: Activation, gate: nn.Module | None
    ) -> None:
        super().__init__()
        hidden = 4 * inputs
        self.body = nn.Sequential(
            conv_norm(inputs, hidden, 1, activation=activation),
            conv_norm(hidden, hidden, 3, stride, groups=hidden, activation=activation),
            gate or nn.Identity(),
            conv_norm(hidden, outputs, 1, activation=nn.Identity),
        )
        self.skips = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.body(x) if self.skips else self.body(x)


class _ShuffleUnit(nn.Module):
    """Works on half of the channels, and shuffles both halves (Ma et al., ShuffleNet V2, 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.body = nn.Sequential(
            conv_norm(half, half, 1),
            conv_norm(half, half, 3, groups=half, activation=nn.Identity),
            conv_norm(half, half, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept, worked = x.chunk(2, dim=1)
        joined = torch.cat([kept, self.body(worked)], dim=1)
        batch, channels, height, width = joined.shape
        pairs = joined.view(batch, 2, channels // 2, height, width)
        return pairs.transpose(1, 2).reshape(batch, channels, height, width)


class _Upscaler(nn.Module):
    """Group and instance norms around shuffled channels, then pixels out of channels."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_norm(3, 16, 3, 2)
        self.norms = nn.Sequential(nn.GroupNorm(4, 16), nn.InstanceNorm2d(16, affine=True))
        self.units = nn.Sequential(_ShuffleUnit(16), _ShuffleUnit(16))
        self.head = nn.Sequential(nn.Conv2d(16, 12, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.units(self.norms(self.stem(x))))


def mobilenet_v2() -> nn.Module:
    """Return a MobileNet v2 of two blocks."""
    return seeded(
        lambda: Chain(
            conv_norm(3, 16, 3, 2, activation=nn.ReLU6),
            _InvertedResidual(16, 24, 2, nn.ReLU6, None),
            _InvertedResidual(24, 24, 1, nn.ReLU6, None),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(),
            nn.Linear(24, 10),
        )
    )


def mobilenet_v3() -> nn.Module:
    """Return a MobileNet v3 of two blocks with gates (Howard et al., 2019)."""
    return seeded(
        lambda: Chain(
            conv_norm(3, 16, 3, 2, activation=nn.Hardswish),
            _InvertedResidual(16, 24, 2, nn.Hardswish, SqueezeExcite(64, nn.ReLU, nn.Hardsigmoid)),
            _InvertedResidual(24, 24, 1, nn.Hardswish, SqueezeExcite(96, nn.ReLU, nn.Hardsigmoid)),
            classifier(24, 32),
            nn.Hardswish(),
            nn.Linear(32, 10),
        )
    )


def efficientnet() -> nn.Module:
    """Return an EfficientNet of two blocks (Tan and Le, 2019)."""
    return seeded(
        lambda: Chain(
            conv_norm(3, 16, 3, 2, activation=nn.SiLU),
            _InvertedResidual(16, 24, 2, nn.SiLU, SqueezeExcite(64, nn.SiLU, nn.Sigmoid)),
            _InvertedResidual(24, 24, 1, nn.SiLU, SqueezeExcite(96, nn.SiLU, nn.Sigmoid)),
            classifier(24),
        )
    )


def shufflenet() -> nn.Module:
    """Return two units of ShuffleNet V2 that make a picture."""
    return seeded(_Upscaler)
