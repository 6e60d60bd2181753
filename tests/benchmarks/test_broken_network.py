"""The network that is built to break: its float answers stay, its int8 answers do not."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from benchmarks.broken_network.__main__ import complaints
from benchmarks.broken_network.breaking import NETWORK, break_network
from benchmarks.broken_network.variants import VARIANTS, Outcome, Variant
from edgeml.pipeline.plan import read_pipeline
from edgeml_converters.graph import optimize, serialize_onnx
from edgeml_converters.quantize import calibrate, quantize_int8
from edgeml_converters.sources import load_source
from edgeml_runtime.engines import open_engine

FASHION = Path(__file__).parents[2] / "examples" / "fashion"
SAVED = Variant("saved", ())
OUTCOME = Outcome("saved", "onnx", top1=89.0, drop=0.3, latency_ms=1.0, float_ms=2.0)


@pytest.fixture(scope="module")
def network() -> onnx.ModelProto:
    """The network before it is broken."""
    return onnx.load(NETWORK)


@pytest.fixture(scope="module")
def broken(network: onnx.ModelProto) -> onnx.ModelProto:
    """The network with one layer scaled."""
    return break_network(network)


def images(name: str, count: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Return inputs of the network from a file of the example, and their labels."""
    pipeline = read_pipeline(FASHION / "preprocess.toml")
    with np.load(FASHION / name) as arrays:
        return [pipeline(image) for image in arrays["inputs"][:count]], arrays["labels"][:count]


def logits(model: bytes, arrays: list[np.ndarray]) -> np.ndarray:
    """Return (images, 10)."""
    engine = open_engine("onnxruntime", model)
    return np.concatenate([engine.run({"image": array})["logits"] for array in arrays])


def accuracy(model: bytes, count: int) -> float:
    """Return the share of right answers."""
    arrays, labels = images("test.npz", count)
    return float((logits(model, arrays).argmax(axis=1) == labels).mean())


def quantized(file: Path) -> bytes:
    """Return *file* in int8, as it is by default."""
    graph = optimize(load_source(str(file)).graph)
    arrays, _ = images("calibration.npz", 50)
    ranges = calibrate(graph, ({"image": array} for array in arrays))
    return serialize_onnx(quantize_int8(graph, ranges))


def depthwise_strength(model: onnx.ModelProto) -> np.ndarray:
    """Return the largest weight of each channel of the scaled layer."""
    weights = (numpy_helper.to_array(tensor) for tensor in model.graph.initializer)
    depthwise = [array for array in weights if array.ndim == 4 and array.shape[1:] == (1, 3, 3)]
    stems = 1  # it reads one channel, so its filter looks like a depthwise one
    return np.asarray(np.abs(depthwise[stems + 1]).max(axis=(1, 2, 3)))


def test_breaking_keeps_the_float_answers(
    network: onnx.ModelProto, broken: onnx.ModelProto
) -> None:
    arrays, _ = images("test.npz", 100)
    before, after = (logits(m.SerializeToString(), arrays) for m in (network, broken))
    np.testing.assert_allclose(after, before, atol=1e-4)


def test_breaking_scales_one_layer_by_four_decades(
    network: onnx.ModelProto, broken: onnx.ModelProto
) -> None:
    factors = depthwise_strength(broken) / depthwise_strength(network)
    assert 1e-2 <= factors.min() < 3e-2
    assert 30.0 < factors.max() <= 1e2
    changed = [
        tensor.name
        for tensor, before in zip(broken.graph.initializer, network.graph.initializer, strict=True)
        if tensor != before
    ]
    assert len(changed) == 4, "a filter and its bias, and the filters of the two that read it"


def test_breaking_depends_on_the_seed_only(
    network: onnx.ModelProto, broken: onnx.ModelProto
) -> None:
    assert break_network(network) == broken
    assert break_network(network, seed=1) != broken


def test_the_network_is_good_and_stays_so_in_int8(network: onnx.ModelProto) -> None:
    floats = accuracy(network.SerializeToString(), 1000)
    assert floats >= 0.85
    assert accuracy(quantized(NETWORK), 1000) >= floats - 0.01


def test_int8_breaks_the_broken_one(broken: onnx.ModelProto, tmp_path: Path) -> None:
    file = tmp_path / "broken.onnx"
    onnx.save(broken, file)
    assert accuracy(quantized(file), 300) < accuracy(broken.SerializeToString(), 300) - 0.2


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda outcome: outcome, []),
        (lambda outcome: replace(outcome, drop=1.1), ["is to lose at most 1"]),
        (lambda outcome: replace(outcome, latency_ms=2.0), ["is to be faster than float"]),
    ],
)
def test_what_saves_it_keeps_accuracy_and_speed(
    change: Callable[[Outcome], Outcome], complaint: list[str]
) -> None:
    assert list(complaints(change(OUTCOME), SAVED)) == complaint


def test_what_breaks_it_must_lose_much() -> None:
    (default,) = (variant for variant in VARIANTS if variant.breaks)
    assert list(complaints(OUTCOME, default)) == ["is to lose more than 20 points"]
    assert not list(complaints(replace(OUTCOME, drop=70.0), default))
