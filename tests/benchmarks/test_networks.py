"""The networks are the published ones: their size, their work, their operators."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.networks import NETWORKS, tflite_file
from edgeml_converters.inspection import Inspection, inspect_model
from edgeml_runtime.engines import open_engine

# Million multiply-accumulates and parameters. MobileNet v1: arXiv:1704.04861, tables 6 to 8, and
# the table in TF-slim's mobilenet_v1.md; v2: the table in TF-slim's mobilenet/README.md.
PUBLISHED = {
    "mobilenet-v1-0.25-128": (14, 0.47),
    "mobilenet-v1-0.25-224": (41, 0.47),
    "mobilenet-v1-0.5-128": (49, 1.34),
    "mobilenet-v1-0.5-224": (150, 1.34),
    "mobilenet-v1-1.0-128": (186, 4.24),
    "mobilenet-v1-1.0-224": (569, 4.24),
    "mobilenet-v2-0.5-128": (32, 1.95),
    "mobilenet-v2-0.5-224": (97, 1.95),
    "mobilenet-v2-1.0-128": (99, 3.47),
    "mobilenet-v2-1.0-224": (300, 3.47),
}

V1 = {"CONV_2D": 15, "DEPTHWISE_CONV_2D": 13, "AVERAGE_POOL_2D": 1, "RESHAPE": 1, "SOFTMAX": 1}
V2 = {
    "CONV_2D": 36,
    "DEPTHWISE_CONV_2D": 17,
    "ADD": 10,
    "AVERAGE_POOL_2D": 1,
    "RESHAPE": 1,
    "SOFTMAX": 1,
}
LITE_TAIL = {"AVERAGE_POOL_2D": 1, "FULLY_CONNECTED": 1, "SOFTMAX": 1}
OPERATORS = {
    **{name: V1 if "-v1-" in name else V2 for name in PUBLISHED},
    "efficientnet-lite0": {"CONV_2D": 33, "DEPTHWISE_CONV_2D": 16, "ADD": 9, **LITE_TAIL},
    "efficientnet-lite2": {"CONV_2D": 43, "DEPTHWISE_CONV_2D": 21, "ADD": 14, **LITE_TAIL},
    # The convolutions of stride 2 that MLPerf's model pads alike on all sides need their PAD.
    "resnet50": {
        "CONV_2D": 53,
        "ADD": 16,
        "PAD": 4,
        "MAX_POOL_2D": 1,
        "MEAN": 1,
        "FULLY_CONNECTED": 1,
        "SOFTMAX": 1,
    },
}

SMALL = ("mobilenet-v1-0.25-128", "mobilenet-v2-0.5-128")
RESNET = pytest.param("resnet50", marks=pytest.mark.slow)


def _inspected(name: str, precision: str, folder: Path) -> Inspection:
    return inspect_model(tflite_file(NETWORKS[name], precision, folder))


def _scores(path: Path, image: np.ndarray) -> np.ndarray:
    engine = open_engine("litert", path)
    try:
        return engine.run({"image": image})["scores"]
    finally:
        engine.close()


def _image(size: int) -> np.ndarray:
    random = np.random.default_rng(5)
    return random.uniform(-1, 1, (1, size, size, 3)).astype(np.float32)


def test_every_network_is_checked() -> None:
    assert set(OPERATORS) == set(NETWORKS)


@pytest.mark.parametrize("name", PUBLISHED)
def test_work_and_parameters_are_those_of_the_publication(name: str, networks_folder: Path) -> None:
    million_macs, million_parameters = PUBLISHED[name]
    found = _inspected(name, "float32", networks_folder)
    assert found.macs is not None
    assert found.parameters is not None
    assert found.macs / 1e6 == pytest.approx(million_macs, rel=0.035)
    assert found.parameters / 1e6 == pytest.approx(million_parameters, rel=0.015)


@pytest.mark.parametrize(
    ("name", "million_macs", "million_parameters"),
    [
        # The README of EfficientNet-Lite in tensorflow/tpu counts normalization and activation too,
        # which adds 5 %.
        ("efficientnet-lite0", 407 / 1.05, 4.65),
        ("efficientnet-lite2", 899 / 1.05, 6.1),
        # torchvision's table of models, whose ResNet50 has the stride of v1.5 too.
        pytest.param("resnet50", 4090, 25.56, marks=pytest.mark.slow),
    ],
)
def test_work_and_parameters_of_the_larger_ones(
    name: str, million_macs: float, million_parameters: float, networks_folder: Path
) -> None:
    found = _inspected(name, "float32", networks_folder)
    assert found.macs is not None
    assert found.parameters is not None
    assert found.macs / 1e6 == pytest.approx(million_macs, rel=0.01)
    assert found.parameters / 1e6 == pytest.approx(million_parameters, rel=0.01)


@pytest.mark.parametrize("name", [*(name for name in OPERATORS if name != "resnet50"), RESNET])
def test_float_files_have_the_operators_of_the_published_ones(
    name: str, networks_folder: Path
) -> None:
    found = _inspected(name, "float32", networks_folder)
    assert dict(found.ops) == OPERATORS[name]
    assert [spec.dtype for spec in (*found.inputs, *found.outputs)] == ["float32", "float32"]


@pytest.mark.parametrize("name", [*SMALL, "efficientnet-lite0", RESNET])
def test_int8_files_have_integers_from_end_to_end(name: str, networks_folder: Path) -> None:
    found = _inspected(name, "int8", networks_folder)
    size = NETWORKS[name].input_size
    assert dict(found.ops) == OPERATORS[name]
    assert [spec.dtype for spec in (*found.inputs, *found.outputs)] == ["int8", "int8"]
    assert found.inputs[0].shape == (1, size, size, 3)


@pytest.mark.parametrize("name", [*SMALL, RESNET])
def test_the_engine_gives_what_onnxruntime_gives(name: str, networks_folder: Path) -> None:
    network = NETWORKS[name]
    image = _image(network.input_size)
    reference = open_engine("onnxruntime", network.build().SerializeToString())
    try:
        expected = reference.run({"image": image.transpose(0, 3, 1, 2)})["scores"]
    finally:
        reference.close()
    scores = _scores(tflite_file(network, "float32", networks_folder), image)
    assert np.abs(scores - expected).max() <= 1e-4 * expected.max()


# The softmax of MobileNet v1 with weights that were never trained is too even to tell anything.
@pytest.mark.parametrize("name", ["mobilenet-v2-0.5-128", "efficientnet-lite0"])
def test_int8_scores_follow_the_float_ones(name: str, networks_folder: Path) -> None:
    network = NETWORKS[name]
    path = tflite_file(network, "int8", networks_folder)
    scale, zero_point = _input_quantization(path)
    image = _image(network.input_size)
    integers = np.clip(np.round(image / scale) + zero_point, -128, 127).astype(np.int8)
    scores = (_scores(path, integers).astype(np.float32) + 128) / 256
    expected = _scores(tflite_file(network, "float32", networks_folder), image)
    assert expected.max() > 0.1
    assert np.corrcoef(scores.ravel(), expected.ravel())[0, 1] > 0.95


def _input_quantization(path: Path) -> tuple[float, int]:
    (spec,) = inspect_model(path).inputs
    assert spec.quantization is not None
    return spec.quantization.scale, spec.quantization.zero_point


def test_a_file_is_written_once_and_always_the_same(tmp_path: Path) -> None:
    network = NETWORKS["mobilenet-v1-0.25-128"]
    first = tflite_file(network, "int8", tmp_path / "first")
    written = first.stat().st_mtime_ns
    assert tflite_file(network, "int8", tmp_path / "first") == first
    assert first.stat().st_mtime_ns == written
    second = tflite_file(network, "int8", tmp_path / "second")
    assert second.name == first.name
    assert second.read_bytes() == first.read_bytes()
    assert [path.name for path in first.parent.iterdir()] == [first.name]
