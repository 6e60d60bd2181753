"""Small PyTorch networks, as a user would write them; runs where torch is."""

# mypy: allow-subclassing-any, disable-error-code="no-any-return"
# torch is not installed for mypy, so all of its classes are Any.

import torch
from torch import nn


def _conv(inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(),
    )


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, factor: int) -> None:
        super().__init__()
        hidden = inputs * factor
        self.body = nn.Sequential(
            _conv(inputs, hidden, 1),
            _conv(hidden, hidden, 3, stride, groups=hidden),
            nn.Conv2d(hidden, outputs, 1),
        )
        self.skips = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.body(x) if self.skips else self.body(x)


class _Mobile(nn.Module):
    """An inverted-residual network, after Sandler et al., MobileNetV2 (2018)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(_conv(3, 8, 3, 2), _Block(8, 8, 1, 2), _Block(8, 16, 2, 4))
        self.head = nn.Linear(16, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x).mean((2, 3)))


class _Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(50, 16)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, activation="gelu")

    def forward(self, ids: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        x = self.table(ids)
        return self.layer(x if mask is None else x * mask.unsqueeze(-1)).mean(1)


class _Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTM(4, 8, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor | None]:
        steps, (state, _) = self.cell(x)
        return {"scores": self.head(steps[:, -1]), "state": state[0], "nothing": None}


class _Undecided(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.sum() > 0:
            return x * 2
        return x - 1


class _OneAtATime(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(1, 12) * 2


class _Dice(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.randn_like(x)


def mobile() -> nn.Module:
    return _Mobile()


def encoder() -> nn.Module:
    return _Encoder()


def recurrent() -> nn.Module:
    return _Recurrent()


def undecided() -> nn.Module:
    return _Undecided()


def dice() -> nn.Module:
    return _Dice()


def half() -> nn.Module:
    return nn.Linear(3, 2).half()


def scripted() -> nn.Module:
    return torch.jit.script(_Mobile().eval())


def with_example() -> nn.Module:
    network = _Mobile()
    network.example_inputs = torch.rand(1, 3, 16, 16)
    return network


def pair() -> nn.Module:
    class _Pair(nn.Module):
        def forward(self, a: torch.Tensor, b: torch.Tensor) -> object:
            return a + b, [a * b, a - b]

    return _Pair()


def broken() -> nn.Module:
    raise ValueError("the weights\nare gone")


def wants_more() -> nn.Module:
    raise ModuleNotFoundError("No module named 'timm'", name="timm")


def number() -> int:
    return 3


one_at_a_time = _OneAtATime()
