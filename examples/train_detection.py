"""Train the two small detectors of the demo and write ``examples/wardrobe``.

Clothes of Fashion-MNIST lie, scaled and tinted, on invented backgrounds. One network with two heads
learns to find them: one head in the form of YOLOv8 (boxes decoded in the network), one in that of
SSD (offsets from anchors). Each is written as a model of its own.

The files are committed, so this is only needed to make them again. It wants the ``torch`` extra,
OpenCV and the data as Debian packages it (``apt-get install dataset-fashion-mnist``, MIT licence)::

    python examples/train_detection.py

Written: ``yolo.onnx``, ``ssd.onnx``, and ``photos`` with ``truth.json``, made of test images.
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn
from train_fashion import (  # type: ignore[import-not-found]  # lies beside this file
    DATA,
    read_idx,
)

OUTPUT = Path(__file__).parent / "wardrobe"
LABELS = {0: "top", 1: "trousers", 8: "bag", 9: "boot"}  # the classes of Fashion-MNIST used
SIZE = 128
STRIDES = (8, 16)
ANCHORS = ((20.0, 32.0), (44.0, 64.0))  # widths and heights, in pixels, for each stride
VARIANCES = (0.1, 0.2)


class Wardrobe:
    """Scenes of clothes: (H, W, 3) uint8 images with boxes (left, top, right, bottom, class)."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, seed: int) -> None:
        self._items = [images[labels == label] for label in LABELS]
        self._random = np.random.default_rng(seed)

    def scene(self, height: int, width: int, largest: float) -> tuple[np.ndarray, np.ndarray]:
        """Return a scene with one to five things, the sides of which are at most *largest*."""
        random = self._random
        image = self._background(height, width)
        boxes: list[tuple[float, ...]] = []
        for _ in range(random.integers(1, 6)):
            number = int(random.integers(len(self._items)))
            side = int(random.uniform(largest * 0.3, largest))
            item = self._items[number][random.integers(len(self._items[number]))]
            scaled = cv2.resize(item, (side, side), interpolation=cv2.INTER_LINEAR) / 255.0
            rows, columns = (np.flatnonzero(scaled.max(axis=axis) > 0.15) for axis in (1, 0))
            top, left = random.integers(0, height - side), random.integers(0, width - side)
            box = (
                *(float(left + columns[0]), float(top + rows[0])),
                *(float(left + columns[-1] + 1), float(top + rows[-1] + 1)),
            )
            if any(_shared(box, other) > 0.1 for other in boxes):
                continue
            boxes.append((*box, float(number)))
            color = random.uniform(0.3, 1.0, 3) * 255.0
            part = image[top : top + side, left : left + side]
            alpha = np.minimum(scaled * 4.0, 1.0)[:, :, np.newaxis]
            part[:] = part * (1 - alpha) + alpha * scaled[:, :, np.newaxis] * color
        return np.clip(image, 0, 255).astype(np.uint8), np.array(boxes, np.float32)

    def _background(self, height: int, width: int) -> np.ndarray:
        random = self._random
        coarse = random.uniform(0, 200, (*random.integers(2, 9, 2), 3)).astype(np.float32)
        image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        for _ in range(random.integers(0, 4)):
            ends = random.integers(0, max(height, width), (2, 2)).tolist()
            color = random.uniform(0, 255, 3).tolist()
            cv2.line(image, ends[0], ends[1], color, int(random.integers(1, 12)))
        return np.asarray(image, np.float32)


def _shared(box: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Return the part of the smaller box that the two share."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    areas = [(each[2] - each[0]) * (each[3] - each[1]) for each in (box, other)]
    return max(width, 0.0) * max(height, 0.0) / min(areas)


class Backbone(nn.Module):
    """Depthwise-separable stages; input (N, 3, 128, 128), output maps of stride 8 and 16."""

    def __init__(self) -> None:
        super().__init__()
        stem = nn.Conv2d(3, 16, 3, 2, 1, bias=False)
        self.first = nn.Sequential(
            *(stem, nn.BatchNorm2d(16), nn.ReLU()),
            *(_block(16, 32, 2), _block(32, 48, 2), _block(48, 48), _block(48, 48)),
        )
        self.second = nn.Sequential(_block(48, 80, 2), _block(80, 80), _block(80, 80))

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the two maps."""
        first = self.first(images)
        return [first, self.second(first)]


def _block(channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False),
        *(nn.BatchNorm2d(channels), nn.ReLU()),
        nn.Conv2d(channels, out_channels, 1, bias=False),
        *(nn.BatchNorm2d(out_channels), nn.ReLU()),
    )


class Maps(nn.Module):
    """A head: *values* channels for each cell of both maps, as (N, cells, values)."""

    def __init__(self, values: int, per_cell: int) -> None:
        super().__init__()
        self.values = values
        self.levels = nn.ModuleList(
            nn.Sequential(_block(channels, 48), nn.Conv2d(48, values * per_cell, 1))
            for channels in (48, 80)
        )

    def forward(self, maps: list[torch.Tensor]) -> torch.Tensor:
        """Return the values by level, row, column and anchor."""
        parts = [
            level(part).permute(0, 2, 3, 1).reshape(part.shape[0], -1, self.values)
            for level, part in zip(self.levels, maps, strict=True)
        ]
        return torch.cat(parts, 1)


class Yolo(nn.Module):
    """The head of YOLOv8's form: (N, 4 + classes, cells) of center, size and scores."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = Maps(4 + len(LABELS), 1)
        cells = anchors_of(((1.0,), (1.0,)))
        self.register_buffer("centers", cells[:, :2])
        steps = [torch.full(((SIZE // stride) ** 2, 1), float(stride)) for stride in STRIDES]
        self.register_buffer("steps", torch.cat(steps))

    def edges_and_logits(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the edges of each cell's box in pixels, and the logits of its classes."""
        values = self.head(self.backbone(images))
        sides = values[..., :4].clamp(max=4.0).exp() * self.steps
        edges = torch.cat([self.centers - sides[..., :2], self.centers + sides[..., 2:]], 2)
        return edges, values[..., 4:]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the boxes as YOLOv8's export has them."""
        edges, logits = self.edges_and_logits(images)
        low, high = edges[..., :2], edges[..., 2:]
        found = torch.cat([(low + high) / 2, high - low, logits.sigmoid()], 2)
        return found.transpose(1, 2)


class Ssd(nn.Module):
    """The head of SSD's form: (N, anchors, 4) offsets and (N, anchors, 1 + classes) logits."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone
        self.offsets, self.scores = Maps(4, 2), Maps(1 + len(LABELS), 2)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return offsets and logits, the background first."""
        maps = self.backbone(images)
        return self.offsets(maps), self.scores(maps)


def anchors_of(sides: tuple[tuple[float, ...], ...]) -> torch.Tensor:
    """Return center x, y, width, height of square anchors: by level, row, column and side."""
    parts = []
    for stride, level in zip(STRIDES, sides, strict=True):
        middle = (torch.arange(SIZE // stride) + 0.5) * stride
        rows, columns = torch.meshgrid(middle, middle, indexing="ij")
        grid = torch.stack([columns, rows], 2)[:, :, None].expand(-1, -1, len(level), -1)
        extent = torch.tensor(level)[:, None].expand(-1, 2).expand(*grid.shape[:2], -1, -1)
        parts.append(torch.cat([grid, extent], 3).reshape(-1, 4))
    return torch.cat(parts)


def yolo_loss(model: Yolo, images: torch.Tensor, truths: list[torch.Tensor]) -> torch.Tensor:
    """Return focal loss of the classes plus GIoU of the cells in the middle of a thing."""
    edges, logits = model.edges_and_logits(images)
    wanted, boxes = torch.zeros_like(logits), torch.zeros_like(edges)
    for index, truth in enumerate(truths):
        for *box, number in truth.tolist():
            side = max(box[2] - box[0], box[3] - box[1])
            level = model.steps[:, 0] == (8.0 if side < 36.0 else 16.0)
            middle = torch.tensor([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])
            reach = torch.tensor([box[2] - box[0], box[3] - box[1]]) / 4 + model.steps / 2
            inside = level & ((model.centers - middle).abs() < reach).all(1)
            wanted[index, inside] = 0.0
            wanted[index, inside, int(number)] = 1.0
            boxes[index, inside] = torch.tensor(box)
    positive = wanted.amax(2) > 0
    chance = torch.where(wanted > 0, logits.sigmoid(), 1 - logits.sigmoid())
    loss = nn.functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    focal = (loss * (1 - chance) ** 2).sum() / positive.sum().clamp(min=1)
    return focal + _giou_loss(edges[positive], boxes[positive])


def _giou_loss(found: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    def area(box: torch.Tensor) -> torch.Tensor:
        return (box[:, 2:] - box[:, :2]).clamp(min=0).prod(1)

    inner = torch.cat([torch.maximum(found, wanted)[:, :2], torch.minimum(found, wanted)[:, 2:]], 1)
    outer = torch.cat([torch.minimum(found, wanted)[:, :2], torch.maximum(found, wanted)[:, 2:]], 1)
    union = area(found) + area(wanted) - area(inner)
    return (1 - area(inner) / union + (area(outer) - union) / area(outer).clamp(min=1)).mean()


def ssd_loss(
    model: Ssd, anchors: torch.Tensor, images: torch.Tensor, truths: list[torch.Tensor]
) -> torch.Tensor:
    """Return SSD's loss: matched by overlap, three hard negatives for each positive."""
    offsets, logits = model(images)
    classes = torch.zeros(logits.shape[:2], dtype=torch.long)
    wanted = torch.zeros_like(offsets)
    edges = torch.cat([anchors[:, :2] - anchors[:, 2:] / 2, anchors[:, :2] + anchors[:, 2:] / 2], 1)
    for index, truth in enumerate(truths):
        low = torch.maximum(edges[:, None, :2], truth[None, :, :2])
        high = torch.minimum(edges[:, None, 2:], truth[None, :, 2:4])
        shared = (high - low).clamp(min=0).prod(2)
        areas = (truth[:, 2:4] - truth[:, :2]).prod(1)
        overlap = shared / (anchors[:, 2:].prod(1)[:, None] + areas - shared)
        overlap[overlap.argmax(0), torch.arange(len(truth))] = 2.0
        best, which = overlap.max(1)
        positive = best > 0.45
        box = truth[which]
        middle, extent = (box[:, :2] + box[:, 2:4]) / 2, box[:, 2:4] - box[:, :2]
        shift = (middle - anchors[:, :2]) / anchors[:, 2:] / VARIANCES[0]
        wanted[index] = torch.cat([shift, (extent / anchors[:, 2:]).log() / VARIANCES[1]], 1)
        classes[index, positive] = box[positive, 4].long() + 1
    positive = classes > 0
    loss = nn.functional.cross_entropy(logits.transpose(1, 2), classes, reduction="none")
    count = int(positive.sum())
    negatives = loss[~positive].topk(min(3 * count, int((~positive).sum())))[0]
    near = nn.functional.smooth_l1_loss(offsets[positive], wanted[positive], reduction="sum")
    return (loss[positive].sum() + negatives.sum() + near) / max(count, 1)


def train(yolo: Yolo, ssd: Ssd, wardrobe: Wardrobe, steps: int) -> None:
    """Train both heads and the backbone that they share."""
    parameters = list({id(p): p for m in (yolo, ssd) for p in m.parameters()}.values())
    optimizer = torch.optim.AdamW(parameters, lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=6e-3, total_steps=steps)
    anchors = anchors_of(ANCHORS)
    for step in range(steps):
        scenes = [wardrobe.scene(SIZE, SIZE, 72.0) for _ in range(32)]
        images = as_input(np.stack([image for image, _ in scenes]))
        truths = [torch.from_numpy(boxes) for _, boxes in scenes]
        optimizer.zero_grad()
        loss = yolo_loss(yolo, images, truths) + 0.2 * ssd_loss(ssd, anchors, images, truths)
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 99:
            print(f"step {step + 1} of {steps}: loss {float(loss.detach()):.3f}", flush=True)


def as_input(images: np.ndarray) -> torch.Tensor:
    """Return (N, H, W, 3) uint8 images as the network's input."""
    return torch.from_numpy(images.astype(np.float32) / 255.0).permute(0, 3, 1, 2).contiguous()


def write_photos(folder: Path, wardrobe: Wardrobe, count: int) -> None:
    """Write scenes larger than the network's input, of several shapes, and what is on them."""
    folder.mkdir(parents=True, exist_ok=True)
    truth = {}
    for number in range(count):
        height, width = ((240, 320), (320, 240), (256, 256))[number % 3]
        image, boxes = wardrobe.scene(height, width, 140.0)
        name = f"{number:02}.jpg"
        quality = [cv2.IMWRITE_JPEG_QUALITY, 85]
        cv2.imwrite(str(folder / name), np.ascontiguousarray(image[:, :, ::-1]), quality)
        truth[name] = [
            {"label": list(LABELS.values())[int(box[4])], "box": box[:4].tolist()} for box in boxes
        ]
    text = ",\n".join(f' "{name}": {json.dumps(things)}' for name, things in truth.items())
    (folder / "truth.json").write_text(f"{{\n{text}\n}}\n", encoding="utf-8")


def main() -> None:
    """Train and write the example."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the four IDX files")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="folder to write to")
    parser.add_argument("--steps", type=int, default=2500, help="batches of 32 scenes")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)

    def wardrobe(part: str, seed: int) -> Wardrobe:
        images = read_idx(options.data / f"{part}-images-idx3-ubyte.gz", "images")
        labels = read_idx(options.data / f"{part}-labels-idx1-ubyte.gz", "labels")
        return Wardrobe(images, labels, seed)

    backbone = Backbone()
    yolo, ssd = Yolo(backbone), Ssd(backbone)
    train(yolo, ssd, wardrobe("train", 0), options.steps)
    write_photos(options.output / "photos", wardrobe("t10k", 1), 24)
    for name, model, outputs in (
        ("yolo", yolo, ["found"]),
        ("ssd", ssd, ["offsets", "scores"]),
    ):
        torch.onnx.export(
            model.eval(),
            (torch.zeros(1, 3, SIZE, SIZE),),
            str(options.output / f"{name}.onnx"),
            input_names=["image"],
            output_names=outputs,
            opset_version=17,
            dynamo=False,  # one plain opset-17 file, which every runtime of the last years reads
        )


if __name__ == "__main__":
    main()
