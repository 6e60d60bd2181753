"""What a conversion records of its data, and whether a board can tell from it that data drifts."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgeml import convert
from edgeml_runtime import Model, load
from edgeml_runtime.bundle import open_bundle
from edgeml_runtime.drift import Drift
from edgeml_runtime.metrics import Metrics

Halves = tuple[Model, np.ndarray, np.ndarray]
Change = Callable[[np.ndarray, np.ndarray], np.ndarray]
DRAWS = 20


@pytest.fixture(scope="module")
def halves(tmp_path_factory: pytest.TempPathFactory, example: Path) -> Halves:
    """A bundle that has seen one half of the test images, and the other half with its labels."""
    folder = tmp_path_factory.mktemp("half")
    data = np.load(example / "test.npz")
    np.savez(folder / "seen.npz", inputs=data["inputs"][:500], labels=data["labels"][:500])
    convert(
        example / "fashion.onnx",
        folder,
        evaluate=str(folder / "seen.npz"),
        formats=["onnx"],
        preprocess=example / "preprocess.toml",
        labels=example / "labels.txt",
    )
    return load(folder / "fashion.edgeml"), data["inputs"][500:], data["labels"][500:]


def alarms(model: Model, images: np.ndarray, seed: int) -> list[str]:
    """Return the signals of drift on 256 of *images*, drawn by *seed*."""
    drift = Drift(model.manifest)
    for index in np.random.default_rng(seed).choice(len(images), 256):
        drift.observe(images[index], drift.answers(model(images[index])))
    found = drift.figures()
    assert [signal for signal, _, _ in found] == [
        "input_mean",
        "input_histogram",
        "score",
        "prediction",
    ]
    return [signal for signal, value, limit in found if value > limit]


def test_the_same_kind_of_images_raises_no_alarm(halves: Halves) -> None:
    model, images, _ = halves
    assert [alarms(model, images, seed) for seed in range(DRAWS)] == [[]] * DRAWS


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(lambda x, _: 255 - x, "input_histogram", id="inverted"),
        pytest.param(lambda x, _: x // 2, "input_mean", id="darkened"),
        pytest.param(lambda x, y: x[np.isin(y, (5, 7, 8, 9))], "prediction", id="shoes and bags"),
        pytest.param(lambda x, y: x[y != 7], "prediction", id="without sneakers"),
        pytest.param(lambda x, _: x[:, ::-1], "score", id="upside down"),
    ],
)
def test_what_changed_is_told(halves: Halves, change: Change, expected: str) -> None:
    model, images, labels = halves
    changed = change(images, labels)
    for seed in range(3):
        assert expected in alarms(model, changed, seed)


def test_an_alarm_is_in_the_metrics(halves: Halves) -> None:
    model, images, _ = halves
    metrics = Metrics(model)
    with model.stream(255 - images[:100], metrics=metrics) as stream:
        assert len(list(stream)) == 100
    text = metrics.prometheus()
    assert 'edgeml_drift_alarm{signal="input_histogram"} 1\n' in text
    assert text.count("# TYPE edgeml_drift_limit gauge") == 1


def test_what_is_recorded_is_what_the_data_and_the_source_say(
    halves: Halves, example: Path
) -> None:
    model, _, _ = halves
    found = model.manifest.statistics
    assert found is not None
    data = np.load(example / "test.npz")
    images = data["inputs"][:500].astype(np.float64)
    assert (found["schema"], found["samples"]) == ("edgeml.statistics/1", 500)
    assert found["data"] == "seen.npz"
    recorded = found["input"]
    assert recorded["range"] == [0.0, 256.0]
    for key, value in (
        ("mean", images.mean()),
        ("std", images.std()),
        ("spread", images.mean(axis=(1, 2)).std()),
        ("min", 0.0),
        ("max", 255.0),
    ):
        np.testing.assert_allclose(recorded[key], [value], rtol=1e-5)
    counts, _ = np.histogram(images, 16, (0, 256))
    np.testing.assert_allclose(recorded["shares"], counts / counts.sum(), rtol=1e-4)
    predicted = [model(image) for image in data["inputs"][:500]]
    shares = np.bincount([answer.to_json()["index"] for answer in predicted], minlength=10) / 500
    assert found["prediction"]["bounds"] == list(range(10))
    np.testing.assert_allclose(found["prediction"]["shares"], shares, atol=1e-9)
    scores = [answer.to_json()["score"] for answer in predicted]
    np.testing.assert_allclose(found["prediction"]["mean"], [np.mean(scores)], rtol=1e-4)
    np.testing.assert_allclose(found["prediction"]["spread"], [np.std(scores)], rtol=1e-4)


def test_the_part_of_the_data_that_was_read_tells_no_classes(example: Path, tmp_path: Path) -> None:
    """The first samples of 200 may all be of one class, as in sorted folders."""
    convert(
        example / "fashion.onnx",
        tmp_path,
        calibrate=str(example / "calibration.npz"),
        formats=["onnx"],
        preprocess=example / "preprocess.toml",
        labels=example / "labels.txt",
    )
    found = open_bundle(tmp_path / "fashion.edgeml").manifest.statistics
    assert found is not None
    assert found["samples"] == 100
    assert "input" in found
    assert "prediction" not in found


def test_made_up_samples_record_nothing(example: Path, tmp_path: Path) -> None:
    convert(example / "fashion.onnx", tmp_path, formats=["onnx"])
    assert open_bundle(tmp_path / "fashion.edgeml").manifest.statistics is None


def test_values_that_are_no_pixels_take_their_range_from_the_data(
    example: Path, tmp_path: Path
) -> None:
    values = np.random.default_rng(0).normal(0.0, 1.0, (80, 1, 28, 28)).astype(np.float32)
    np.savez(tmp_path / "floats.npz", inputs=values)
    convert(
        example / "fashion.onnx",
        tmp_path,
        calibrate=str(tmp_path / "floats.npz"),
        formats=["onnx"],
        task="raw",
    )
    found = open_bundle(tmp_path / "fashion.edgeml").manifest.statistics
    assert found is not None
    first = values[:64]
    np.testing.assert_allclose(found["input"]["range"], [first.min(), first.max()], rtol=1e-6)
    np.testing.assert_allclose(sum(found["input"]["shares"]), 1.0, rtol=1e-4)
    np.testing.assert_allclose(found["input"]["mean"], [values.mean()], atol=1e-5)
    assert found["samples"] == 80
    assert "prediction" not in found
