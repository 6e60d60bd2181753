"""Networks that answer for every pixel; runs where torch is."""

# mypy: allow-subclassing-any, disable-error-code="no-any-return"
# torch is not installed for mypy, so all of its classes are Any.

import torch
from torch import nn
from torch.nn import functional

from benchmarks.torch_networks.blocks import conv_norm, seeded

_BINS, _CLASSES = 8, 5


class _UNet(nn.Module):
    """Down and up again, with what was seen on the way down (Ronneberger et al., 2015)."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList([conv_norm(3, 8), conv_norm(8, 16), conv_norm(16, 32)])
        self.up = nn.ModuleList(
            [nn.ConvTranspose2d(32, 16, 2, 2), nn.ConvTranspose2d(16, 8, 4, 2, 1)]
        )
        self.join = nn.ModuleList([conv_norm(32, 16), conv_norm(16, 8)])
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        full = self.down[0](x)
        half = self.down[1](functional.max_pool2d(full, 2))
        x = self.down[2](functional.max_pool2d(half, 2))
        for up, join, seen in zip(self.up, self.join, (half, full), strict=True):
            x = join(torch.cat([up(x), seen], dim=1))
        return self.head(x)


class _Yolo(nn.Module):
    """Two scales, edges of boxes as distributions over bins (Jocher et al., YOLOv8, 2023)."""

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Sequential(
            conv_norm(3, 16, 3, 2, activation=nn.SiLU), conv_norm(16, 32, 3, 2, activation=nn.SiLU)
        )
        self.coarse = conv_norm(32, 32, 3, 2, activation=nn.SiLU)
        self.up = nn.Upsample(scale_factor=2)
        self.heads = nn.ModuleList([nn.Conv2d(32, 4 * _BINS + _CLASSES, 1) for _ in range(2)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        fine = self.fine(x)
        coarse = self.coarse(fine)
        scales = (fine + self.up(coarse), coarse)
        return torch.cat([self._boxes(h(s)) for h, s in zip(self.heads, scales, strict=True)], 2)

    @staticmethod
    def _boxes(scores: torch.Tensor) -> torch.Tensor:
        edges, classes = scores.flatten(2).split([4 * _BINS, _CLASSES], dim=1)
        batch, _, anchors = edges.shape
        bins = edges.view(batch, 4, _BINS, anchors).transpose(1, 2)
        places = torch.arange(float(_BINS)).view(1, _BINS, 1, 1)
        distances = (functional.softmax(bins, 1) * places).sum(1)
        return torch.cat([distances, classes.sigmoid()], dim=1)


class _DeepLab(nn.Module):
    """Dilated convolutions beside the mean of the picture (Chen et al., DeepLabv3, 2017)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(conv_norm(3, 16, 3, 2), conv_norm(16, 24, 3, 2))
        dilated = [nn.Conv2d(24, 8, 3, padding=rate, dilation=rate) for rate in (2, 4)]
        self.branches = nn.ModuleList([nn.Conv2d(24, 8, 1), *dilated])
        self.pooled = nn.Conv2d(24, 8, 1)
        self.head = nn.Conv2d(32, 5, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.body(x)
        found = [functional.relu(branch(features)) for branch in self.branches]
        mean = self.pooled(functional.adaptive_avg_pool2d(features, 1))
        found.append(self._resized(mean, features))
        return self._resized(self.head(torch.cat(found, dim=1)), x)

    @staticmethod
    def _resized(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        return functional.interpolate(x, like.shape[2:], mode="bilinear", align_corners=False)


def unet() -> nn.Module:
    """Return a U-Net of three levels."""
    return seeded(_UNet)


def yolo() -> nn.Module:
    """Return the neck and the heads of a YOLO."""
    return seeded(_Yolo)


def deeplab() -> nn.Module:
    """Return a DeepLabv3."""
    return seeded(_DeepLab)
