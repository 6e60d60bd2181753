"""DNSMOS's network of ITU-T P.808 grades, which reads the mel spectrum of noisy speech."""

from functools import cache

import numpy as np

from benchmarks.int8_tasks.speech import SAMPLE_RATE
from benchmarks.int8_tasks.speech_grades import SpeechGrades
from benchmarks.int8_tasks.task import Arrays

SAMPLES = 144000
FRAME, HOP, BANDS = 321, 160, 120


def mel_spectrum(sound: np.ndarray) -> np.ndarray:
    """Return the spectrum of *sound* as the model wants it, (frames, 120) float32.

    Powers of frames of 321 samples in Slaney's mel bands, in decibels below the loudest, those
    below -80 dB cut, and scaled: what speechmos computes with librosa.
    """
    padded = np.pad(sound.astype(np.float64), FRAME // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)
    power = np.abs(np.fft.rfft(frames * window)) ** 2 @ _mel_bands().T
    decibels = 10 * np.log10(np.maximum(power, 1e-10)) - 10 * np.log10(max(power.max(), 1e-10))
    return np.asarray((np.maximum(decibels, -80) + 40) / 40, np.float32)


@cache
def _mel_bands() -> np.ndarray:
    """Return the triangles of Slaney's Auditory Toolbox (1998), each of unit area: (120, 161)."""
    frequencies = np.fft.rfftfreq(FRAME, 1 / SAMPLE_RATE)
    edges = _hertz(np.linspace(0, _mel(SAMPLE_RATE / 2), BANDS + 2))
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (frequencies - low) / (middle - low), (high - frequencies) / (high - middle)
    return np.asarray(np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low))


def _mel(hertz: float) -> float:
    """Return *hertz*, at least 1000, in mel, which is linear below and logarithmic above."""
    return float(15 + np.log(hertz / 1000) / (np.log(6.4) / 27))


def _hertz(mel: np.ndarray) -> np.ndarray:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))


def _read(outputs: Arrays) -> np.ndarray:
    (grades,) = outputs.values()
    return np.asarray(grades[0])


_GRADES = SpeechGrades(
    name="dnsmos_v8",
    module=__name__,
    model="dnsmos_model_v8",
    samples=SAMPLES,
    clips=(80, 40, 40),
    prepare=mel_spectrum,
    read=_read,
)
task, calibration = _GRADES.task, _GRADES.calibration
trial_data, trial_share = _GRADES.trial_data, _GRADES.trial_share
