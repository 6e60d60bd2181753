"""The steps ``spectrogram``, ``log_mel`` and ``mfcc`` against the libraries that networks meet."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeml_runtime.errors import InputError
from edgeml_runtime.preprocess import Pipeline

SPECTRA = Path(__file__).parent / "signals" / "spectra.npz"
RATE_HZ = 16_000
MEL = {"n_fft": 512, "win": 400, "hop": 160, "mels": 40}


def _pipeline(*steps: dict[str, Any], size: int = 4000) -> Pipeline:
    window = {"op": "window", "size": size, "rate_hz": RATE_HZ}
    return Pipeline.from_json({"schema": "edgeml.preprocess/1", "step": [window, *steps]})


def _steps() -> dict[str, dict[str, Any]]:
    with np.load(SPECTRA) as arrays:
        steps: dict[str, dict[str, Any]] = json.loads(str(arrays["steps"]))
    return steps


@pytest.mark.parametrize("name", _steps())
def test_is_what_the_library_gives(name: str) -> None:
    with np.load(SPECTRA) as arrays:
        sound, expected = arrays["sound"], arrays[name].T
    pipeline = _pipeline(_steps()[name])
    found = pipeline(sound)[0]
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    span = float(np.ptp(expected))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5 * span)
    assert np.abs(found - expected).max() < 1e-4 * span
    again = Pipeline.from_json(pipeline.to_json())
    assert again == pipeline
    np.testing.assert_array_equal(again(sound)[0], found)


def test_a_tone_is_in_its_bin_and_its_band() -> None:
    sound = np.sin(2 * np.pi * 1000 * np.arange(4000) / RATE_HZ).astype(np.float32)
    spectrum = _pipeline({"op": "spectrogram", "n_fft": 512, "hop": 512, "framing": "none"})(sound)
    assert spectrum.shape == (1, 7, 257)
    assert (spectrum[0].argmax(1) == 1000 * 512 // RATE_HZ).all()
    mels = _pipeline({"op": "log_mel", **MEL})(sound)[0]
    edges_hz = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 42) / 2595) - 1)
    assert np.abs(edges_hz[1:-1] - 1000).argmin() == np.median(mels.argmax(1))


def test_the_gain_multiplies_the_sound() -> None:
    with np.load(SPECTRA) as arrays:
        sound = arrays["sound"]
    louder = _pipeline({"op": "log_mel", "gain": 32768, **MEL})(sound)
    expected = _pipeline({"op": "log_mel", **MEL})(32768 * sound)
    np.testing.assert_allclose(louder, expected, rtol=1e-5)


def test_silence_gives_the_floor() -> None:
    silent = _pipeline({"op": "log_mel", **MEL})(np.zeros(4000, np.float32))
    np.testing.assert_allclose(silent, -100.0)
    assert np.isfinite(_pipeline({"op": "mfcc", "like": "kaldi", **MEL})(np.zeros(4000))).all()


def test_several_channels_are_refused() -> None:
    with pytest.raises(InputError, match="'log_mel' got a signal of 2 channels"):
        _pipeline({"op": "log_mel", **MEL})(np.zeros((4000, 2), np.float32))


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"op": "log_mel"}, "'n_fft' is missing"),
        ({"op": "log_mel", "n_fft": 512}, "'hop' is missing"),
        ({"op": "log_mel", **MEL, "win": 600}, "'win' is 600, and may be 'n_fft', 512, at most"),
        ({"op": "log_mel", **MEL, "window": "bartlett"}, "hann, hamming, povey, none"),
        ({"op": "log_mel", **MEL, "like": "matlab"}, "torchaudio, librosa, kaldi"),
        ({"op": "log_mel", **MEL, "power": 3}, "'power' is 3, and must be at most 2"),
        ({"op": "log_mel", **MEL, "f_max": 9000}, "'f_max' must be above 'f_min', and 8000 at"),
        ({"op": "log_mel", **MEL, "f_min": 8000}, "'f_max' must be above"),
        ({"op": "log_mel", **MEL, "floor": 0}, "'floor' must be one number from 1e-30"),
        ({"op": "log_mel", **MEL, "top_db": [1, 2]}, "'top_db' must be one number"),
        ({"op": "spectrogram", **MEL}, "no key 'mels'"),
        ({"op": "mfcc", **MEL, "coefficients": 41}, "'coefficients' may be 'mels', 40, at most"),
        (
            {"op": "spectrogram", "n_fft": 1 << 14, "hop": 1, "framing": "zeros"},
            "more than 33554432 numbers",
        ),
        (
            {"op": "log_mel", "n_fft": 1 << 16, "hop": 99, "framing": "zeros", "mels": 1024},
            "more than 33554432 numbers",
        ),
        ({"op": "spectrogram", "n_fft": 8192, "hop": 9}, "needs 4097 samples, and the window"),
        ({"op": "spectrogram", "n_fft": 8192, "hop": 9, "framing": "none"}, "needs 8192 samples"),
    ],
)
def test_keys_at_odds_are_refused(step: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        _pipeline(step)
