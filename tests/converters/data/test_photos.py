"""Real photographs with labels, where ``EDGEML_IMAGENET`` names them."""

from pathlib import Path

from edgeml_converters.data import open_data
from edgeml_runtime.preprocess import Pipeline
from edgeml_runtime.tensors import TensorSpec

CLASSES = 1000
STEPS = [
    {"op": "resize", "shorter_side": 256},
    {"op": "center_crop", "size": [224, 224]},
    {"op": "normalize", "mean": [127.0], "std": [128.0]},
    {"op": "layout", "to": "NCHW"},
]


def test_every_labelled_photo_reaches_the_input(imagenet_folder: str) -> None:
    image = TensorSpec(name="image", shape=(1, 3, 224, 224), dtype="float32", layout="NCHW")
    pipeline = Pipeline.from_json({"schema": "edgeml.preprocess/1", "step": STEPS})
    dataset = open_data(imagenet_folder, (image,), pipeline)
    rows = (Path(imagenet_folder) / "labels.csv").read_text().splitlines()[1:]
    assert dataset.size == len(rows)
    for sample, row in zip(dataset.take(20), rows, strict=False):
        pixels = sample.inputs["image"]
        assert pixels.shape == (1, 3, 224, 224)
        assert -1.0 <= pixels.min() < pixels.max() <= 1.0
        assert sample.label == int(row.rpartition(",")[2])
        assert 0 <= sample.label < CLASSES
