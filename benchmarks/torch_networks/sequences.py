"""Networks of things that follow each other; runs where torch is."""

# mypy: allow-subclassing-any, disable-error-code="no-any-return"
# torch is not installed for mypy, so all of its classes are Any.

import torch
from torch import nn

from benchmarks.torch_networks.blocks import Chain, seeded


class _Recurrent(nn.Module):
    """Two recurrent layers in both directions; the last step is classified."""

    def __init__(self, cell: type[nn.Module]) -> None:
        super().__init__()
        self.cell = cell(12, 16, 2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(32, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.cell(x)[0][:, -1])


def lstm() -> nn.Module:
    """Return a bidirectional LSTM."""
    return seeded(lambda: _Recurrent(nn.LSTM))


def gru() -> nn.Module:
    """Return a bidirectional GRU."""
    return seeded(lambda: _Recurrent(nn.GRU))


def audio() -> nn.Module:
    """Return one-dimensional convolutions over a sound."""
    return seeded(
        lambda: Chain(
            nn.Conv1d(1, 8, 9, 4),
            nn.BatchNorm1d(8),
            nn.ReLU(),
            nn.Conv1d(8, 16, 9, 4, groups=2),
            nn.PReLU(16),
            nn.MaxPool1d(4),
            nn.Conv1d(16, 16, 3, padding=2, dilation=2),
            nn.ELU(),
            nn.AdaptiveAvgPool1d(1),
            nn.Flatten(),
            nn.Linear(16, 4),
        )
    )
