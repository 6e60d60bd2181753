"""Sound files and sensor series as DATA, cut into windows."""

import wave
from pathlib import Path

import numpy as np
import pytest

from edgeml_converters.data import open_data
from edgeml_converters.data.synthetic import synthetic_calibration
from edgeml_runtime.errors import InputError
from edgeml_runtime.preprocess import Pipeline
from edgeml_runtime.tensors import TensorSpec

WAVEFORM = (TensorSpec("wave", (1, 800), "float32"),)
WINDOW = {"op": "window", "size": 800, "hop": 400, "rate_hz": 8000}


def _pipeline(*steps: dict[str, object]) -> Pipeline:
    return Pipeline.from_json({"schema": "edgeml.preprocess/1", "step": list(steps)})


def _write(path: Path, seconds: float, rate_hz: int = 8000) -> None:
    path.parent.mkdir(exist_ok=True)
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((16384 * np.sin(2 * np.pi * 440 * time_s)).astype("<i2").tobytes())


def test_each_window_of_a_sound_is_a_sample_of_its_class(tmp_path: Path) -> None:
    _write(tmp_path / "bird" / "a.wav", 0.1)
    _write(tmp_path / "bird" / "b.wav", 0.05)  # filled up with zeros
    _write(tmp_path / "car" / "c.wav", 0.2, rate_hz=16_000)
    pipeline = _pipeline(WINDOW, {"op": "layout", "to": "NT"})
    data = open_data(str(tmp_path), WAVEFORM, pipeline)
    assert data.labelled
    assert data.size is None  # known only after reading them
    samples = list(data)
    assert [sample.label for sample in samples] == [0, 0, 1, 1, 1]
    assert {sample.inputs["wave"].shape for sample in samples} == {(1, 800)}
    time_s = np.arange(800) / 8000
    expected = np.sin(2 * np.pi * 440 * time_s) / 2
    for index in (0, 2):  # c.wav is the same sound at another rate
        found = samples[index].inputs["wave"][0]
        np.testing.assert_allclose(found[100:-100], expected[100:-100], atol=1e-3)
    assert not samples[1].inputs["wave"][0, 400:].any()


def test_labels_csv_may_list_sounds(tmp_path: Path) -> None:
    _write(tmp_path / "a.wav", 0.1)
    (tmp_path / "labels.csv").write_text("file,label\na.wav,3\n")
    pipeline = _pipeline(WINDOW, {"op": "layout", "to": "NT"})
    assert [s.label for s in open_data(str(tmp_path), WAVEFORM, pipeline)] == [3]


def test_sound_for_a_chain_of_images_is_refused(tmp_path: Path) -> None:
    _write(tmp_path / "bird" / "a.wav", 0.1)
    pipeline = _pipeline({"op": "resize", "size": [8, 8]})
    with pytest.raises(InputError, match="is sound, and the preprocessing is for images"):
        open_data(str(tmp_path), WAVEFORM, pipeline)
    with pytest.raises(InputError, match="nothing says how they become"):
        open_data(str(tmp_path), WAVEFORM, None)


def test_series_are_cut_as_sounds_are(tmp_path: Path) -> None:
    series = np.random.default_rng(0).standard_normal((2, 20, 3)).astype(np.float32)
    np.savez(tmp_path / "series.npz", inputs=series, labels=np.array([1, 0]))
    window = {"op": "window", "size": 10, "rate_hz": 10}
    inputs = (TensorSpec("series", (None, 3, 10), "float32"),)
    pipeline = _pipeline(window, {"op": "layout", "to": "NCT"})
    samples = list(open_data(str(tmp_path / "series.npz"), inputs, pipeline))
    assert [sample.label for sample in samples] == [1, 1, 0, 0]
    np.testing.assert_array_equal(samples[3].inputs["series"][0], series[1, 10:].T)


def test_made_up_signals_have_the_channels_of_the_input() -> None:
    series = (TensorSpec("series", (1, 3, 10), "float32"),)
    window = {"op": "window", "size": 10, "rate_hz": 10}
    pipeline = _pipeline(window, {"op": "layout", "to": "NCT"})
    (sample,) = synthetic_calibration(series, pipeline, {}, (0.0, 1.0), samples=1)
    assert sample.inputs["series"].shape == (1, 3, 10)
    mels = (TensorSpec("mels", (1, 1, 20, 11), "float32", "NCHW"),)
    log_mel = {"op": "log_mel", "n_fft": 128, "hop": 80, "mels": 20}
    pipeline = _pipeline(WINDOW, log_mel, {"op": "layout", "to": "N1CT"})
    (sample,) = synthetic_calibration(mels, pipeline, {}, (0.0, 1.0), samples=1)
    assert sample.inputs["mels"].shape == (1, 1, 20, 11)
