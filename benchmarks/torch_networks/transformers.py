"""Networks of attention; runs where torch is."""

# mypy: allow-subclassing-any, disable-error-code="no-any-return"
# torch is not installed for mypy, so all of its classes are Any.

import torch
from torch import nn
from torch.nn import functional

from benchmarks.torch_networks.blocks import seeded


class _VisionTransformer(nn.Module):
    """Patches as words, behind a word for the class (Dosovitskiy et al., 2020)."""

    def __init__(self, width: int = 32, patches: int = 16) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, width, 16, 16)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.position = nn.Parameter(torch.randn(1, patches + 1, width) * 0.02)
        layer = nn.TransformerEncoderLayer(
            width, 4, 64, batch_first=True, activation="gelu", norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        words = self.patch(x).flatten(2).transpose(1, 2)
        token = self.token.expand(words.shape[0], -1, -1)
        words = torch.cat([token, words], dim=1) + self.position
        return self.head(self.encoder(words)[:, 0])


class _Swin(nn.Module):
    """Attention within windows that are shifted (Liu et al., Swin, 2021)."""

    def __init__(self, width: int = 24, window: int = 4, heads: int = 3) -> None:
        super().__init__()
        self.window, self.heads = window, heads
        self.patch = nn.Conv2d(3, width, 4, 4)
        self.norm = nn.LayerNorm(width)
        self.queries = nn.Linear(width, 3 * width)
        self.bias = nn.Parameter(torch.randn(heads, window**2, window**2) * 0.1)
        self.mix = nn.Linear(width, width)
        self.head = nn.Linear(width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patch(x).permute(0, 2, 3, 1)
        shifted = torch.roll(self.norm(x), (-2, -2), (1, 2))
        attended = torch.roll(self._attended(shifted), (2, 2), (1, 2))
        return self.head((x + attended).mean((1, 2)))

    def _attended(self, x: torch.Tensor) -> torch.Tensor:
        batch, height, width, channels = x.shape
        window, rows, columns = self.window, height // self.window, width // self.window
        area, share = window**2, channels // self.heads
        x = x.view(batch, rows, window, columns, window, channels)
        windows = x.permute(0, 1, 3, 2, 4, 5).reshape(-1, area, channels)
        split = self.queries(windows).reshape(-1, area, 3, self.heads, share)
        query, key, value = split.permute(2, 0, 3, 1, 4).unbind(0)
        scores = query @ key.transpose(-2, -1) * share**-0.5 + self.bias
        mixed = (functional.softmax(scores, -1) @ value).transpose(1, 2)
        y = self.mix(mixed.reshape(-1, area, channels))
        y = y.view(batch, rows, columns, window, window, channels)
        return y.permute(0, 1, 3, 2, 4, 5).reshape(batch, height, width, channels)


class _Bert(nn.Module):
    """Words that attend to each other (Devlin et al., 2018)."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.words = nn.Embedding(100, width)
        self.positions = nn.Parameter(torch.randn(1, 16, width))
        layer = nn.TransformerEncoderLayer(width, 4, 64, batch_first=True, activation="gelu")
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.pooler = nn.Linear(width, width)
        self.head = nn.Linear(width, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        words = self.encoder(self.words(x) + self.positions)
        return self.head(torch.tanh(self.pooler(words[:, 0])))


def vit() -> nn.Module:
    """Return a vision transformer of two layers."""
    return seeded(_VisionTransformer)


def swin() -> nn.Module:
    """Return one shifted layer of Swin."""
    return seeded(_Swin)


def bert() -> nn.Module:
    """Return a BERT of two layers."""
    return seeded(_Bert)
