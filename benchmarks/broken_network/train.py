"""Train the classifier that is to be broken, and write ``network.onnx`` beside this file.

The file is committed, so this is only needed to make it again. It wants PyTorch 2.13 and the data
as Debian packages it (``apt-get install dataset-fashion-mnist``, MIT licence)::

    python -m benchmarks.broken_network.train

Takes two CPU minutes.
"""

from pathlib import Path

import torch
from torch import nn

from examples.train_fashion import DATA, normalized, read_idx, train

OUTPUT = Path(__file__).with_name("network.onnx")
EPOCHS = 2


class Block(nn.Module):  # type: ignore[misc]  # untyped here
    """Expansion, depthwise filter, squeeze-and-excitation, projection: an MBConv of EfficientNet.

    Nothing stands between the depthwise filter and what reads it, so that its channels may be
    scaled.
    """

    def __init__(self, channels: int, expanded: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.expand = _conv(channels, expanded)
        self.depthwise = _conv(expanded, expanded, kernel=3, stride=stride, groups=expanded)
        self.squeeze = nn.Conv2d(expanded, expanded // 4, 1)
        self.excite = nn.Conv2d(expanded // 4, expanded, 1)
        self.project = _conv(expanded, out_channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, out_channels, H / stride, W / stride)."""
        y: torch.Tensor = self.depthwise(nn.functional.silu(self.expand(x)))
        pooled = nn.functional.adaptive_avg_pool2d(y, 1)
        gate = torch.sigmoid(self.excite(nn.functional.silu(self.squeeze(pooled))))
        projected: torch.Tensor = self.project(y * gate)
        return projected


class Net(nn.Module):  # type: ignore[misc]  # untyped here
    """Input (N, 1, 28, 28) float32, normalized; output (N, 10) logits."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _conv(1, 16, kernel=3, stride=2)
        self.blocks = nn.Sequential(
            Block(16, 48, 24, 1), Block(24, 72, 32, 2), Block(32, 96, 48, 1)
        )
        self.head = _conv(48, 96)
        self.classifier = nn.Linear(96, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits of a batch."""
        features = nn.functional.silu(self.head(self.blocks(nn.functional.silu(self.stem(images)))))
        logits: torch.Tensor = self.classifier(
            nn.functional.adaptive_avg_pool2d(features, 1).flatten(1)
        )
        return logits


def _conv(
    channels: int, out_channels: int, *, kernel: int = 1, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out_channels),
    )


def main() -> None:
    """Train, score and write the network."""
    torch.manual_seed(0)
    torch.set_num_threads(1)  # the order of sums is that of the threads
    model = train(
        Net(),
        read_idx(DATA / "train-images-idx3-ubyte.gz", "images"),
        read_idx(DATA / "train-labels-idx1-ubyte.gz", "labels"),
        EPOCHS,
    )
    test_images = read_idx(DATA / "t10k-images-idx3-ubyte.gz", "images")
    test_labels = read_idx(DATA / "t10k-labels-idx1-ubyte.gz", "labels")
    with torch.no_grad():
        correct = model(normalized(test_images)).argmax(1).numpy() == test_labels
    print(f"top-1 {correct.mean():.2%} of 10,000, {correct[:1000].mean():.2%} of the first 1,000")
    torch.onnx.export(
        model,
        (torch.zeros(1, 1, 28, 28),),
        str(OUTPUT),
        input_names=["image"],
        output_names=["logits"],
        opset_version=17,
        dynamo=False,  # the other exporter keeps the batch normalisations apart
    )


if __name__ == "__main__":
    main()
