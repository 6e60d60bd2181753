"""Train the depthwise CNN of the demo on Fashion-MNIST and write ``examples/fashion``.

The files are committed, so this is only needed to make them again. It wants the ``torch`` extra and
the data as Debian packages it (``apt-get install dataset-fashion-mnist``, MIT licence)::

    python examples/train_fashion.py

Written: ``fashion.onnx`` (the trained model, free batch axis), ``test.npz`` (the first 1,000 test
images, to score on) and ``calibration.npz`` (200 training images, to calibrate on).
"""

import argparse
import gzip
import zipfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

DATA = Path("/usr/share/datasets/fashion-mnist")
OUTPUT = Path(__file__).parent / "fashion"
MEAN, STD = 0.286, 0.353  # of the training images, on the 0..1 scale
IDX_HEADER_BYTES = {"images": 16, "labels": 8}


class FashionNet(nn.Module):
    """A stem and five depthwise-separable blocks: a MobileNet in miniature, 36,874 parameters.

    Input (N, 1, 28, 28) float32, normalized; output (N, 10) logits.
    """

    def __init__(self) -> None:
        super().__init__()
        layers = _conv(1, 16, kernel=3, stride=1)
        for channels, out_channels, stride in (
            (16, 32, 2),
            (32, 64, 1),
            (64, 64, 2),
            (64, 128, 1),
            (128, 128, 1),
        ):
            layers += _conv(channels, channels, kernel=3, stride=stride, groups=channels)
            layers += _conv(channels, out_channels, kernel=1)
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(128, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits of a batch."""
        pooled = nn.functional.adaptive_avg_pool2d(self.features(images), 1).flatten(1)
        logits: torch.Tensor = self.classifier(pooled)
        return logits


def _conv(
    channels: int, out_channels: int, *, kernel: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    return [
        nn.Conv2d(channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU6(),
    ]


def read_idx(path: Path, kind: str) -> np.ndarray:
    """Return the uint8 array of a gzipped IDX file, (N, 28, 28) images or (N,) labels."""
    data = np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8)[IDX_HEADER_BYTES[kind] :]
    return data.reshape(-1, 28, 28) if kind == "images" else data


def normalized(images: np.ndarray) -> torch.Tensor:
    """Return (N, 28, 28) uint8 images as the network's input, (N, 1, 28, 28) float32."""
    return (torch.from_numpy(images.astype(np.float32))[:, None] / 255 - MEAN) / STD


def train(model: nn.Module, images: np.ndarray, labels: np.ndarray, epochs: int) -> nn.Module:
    """Return *model* trained with AdamW and a one-cycle schedule on shifted, flipped images."""
    inputs, targets = normalized(images), torch.from_numpy(labels.astype(np.int64))
    batch = 128
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.01)
    steps = epochs * (len(inputs) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=8e-3, total_steps=steps)
    for epoch in range(epochs):
        order = torch.randperm(len(inputs))[: len(inputs) // batch * batch]
        for chosen in order.split(batch):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(_augmented(inputs[chosen])), targets[chosen])
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1} of {epochs} done")
    return model.eval()


def _augmented(batch: torch.Tensor) -> torch.Tensor:
    flipped = torch.where(torch.rand(len(batch), 1, 1, 1) < 0.5, batch.flip(3), batch)
    down, right = (int(shift) for shift in torch.randint(-1, 2, (2,)))
    return flipped.roll((down, right), (2, 3))


def write_npz(path: Path, **arrays: np.ndarray) -> None:
    """Write a compressed .npz whose bytes depend on the arrays only (np.savez stores the date)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy")
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w") as file:
                np.lib.format.write_array(file, np.ascontiguousarray(array))


def main() -> None:
    """Train, score and write the example."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the four IDX files")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="folder to write to")
    parser.add_argument("--epochs", type=int, default=6, help="passes over the training images")
    options = parser.parse_args()
    torch.manual_seed(0)
    train_images = read_idx(options.data / "train-images-idx3-ubyte.gz", "images")
    train_labels = read_idx(options.data / "train-labels-idx1-ubyte.gz", "labels")
    test_images = read_idx(options.data / "t10k-images-idx3-ubyte.gz", "images")
    test_labels = read_idx(options.data / "t10k-labels-idx1-ubyte.gz", "labels")
    model = train(FashionNet(), train_images, train_labels, options.epochs)
    with torch.no_grad():
        correct = model(normalized(test_images)).argmax(1).numpy() == test_labels
    print(f"top-1 {correct.mean():.2%} of 10,000, {correct[:1000].mean():.2%} of the first 1,000")
    options.output.mkdir(parents=True, exist_ok=True)
    write_npz(options.output / "test.npz", inputs=test_images[:1000], labels=test_labels[:1000])
    chosen = np.random.default_rng(0).choice(len(train_images), 200, replace=False)
    write_npz(
        options.output / "calibration.npz",
        inputs=train_images[chosen],
        labels=train_labels[chosen],
    )
    torch.onnx.export(
        model,
        (torch.zeros(1, 1, 28, 28),),
        str(options.output / "fashion.onnx"),
        input_names=["image"],
        output_names=["logits"],
        dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
        opset_version=17,
        dynamo=False,  # one plain opset-17 file, which every runtime of the last years reads
    )


if __name__ == "__main__":
    main()
