"""DNSMOS's network of ITU-T P.808 grades, which reads the mel spectrum of noisy speech."""

from collections.abc import Iterator
from functools import cache

import numpy as np

from benchmarks.int8_tasks.float_answers import float_readings
from benchmarks.int8_tasks.speech import SAMPLE_RATE, Half, noisy_speech
from benchmarks.int8_tasks.speech_quality import graded_alike, score
from benchmarks.int8_tasks.task import Arrays, Bound, Calibration, Labelled, Task, Trials
from benchmarks.real_models import REAL_MODELS, fetch

MODEL = REAL_MODELS["dnsmos_model_v8"]
SAMPLES = 144000
CLIPS = 80
CALIBRATION_CLIPS = 40
TRIAL_CLIPS = 40
FRAME, HOP, BANDS = 321, 160, 120


def task() -> Task:
    """Return the task."""
    return Task(
        name="dnsmos_v8",
        about=f"grades of {CLIPS} clips of noisy speech, mean difference from those of float",
        model=lambda: fetch(MODEL),
        calibration=f"{__name__}:calibration",
        trials=Trials(f"{__name__}:trial_data", f"{__name__}:trial_share", max_drop=5.0),
        questions=lambda: _inputs(seed=2, clips=CLIPS, half="odd"),
        read=_read,
        score=score,
        bounds=(Bound("difference", "most", 0.05),),
        shapes=MODEL.shapes,
    )


def calibration() -> Calibration:
    """Yield clips of prompts that are not scored."""
    for inputs in _inputs(seed=1, clips=CALIBRATION_CLIPS, half="even"):
        yield inputs, None


def trial_data() -> Labelled:
    """Yield clips of unscored prompts with other noise, and their numbers."""
    for index, inputs in enumerate(_inputs(seed=3, clips=TRIAL_CLIPS, half="even")):
        yield inputs, index


def trial_share(outputs: Arrays, index: int) -> float:
    """Return 1 where the grades are those of float, down to 0 where they differ by half a grade."""
    return graded_alike(_read(outputs), _trial_grades()[index])


@cache
def _trial_grades() -> tuple[np.ndarray, ...]:
    return float_readings(task(), (inputs for inputs, _ in trial_data()))


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


def _inputs(seed: int, clips: int, half: Half) -> Iterator[dict[str, np.ndarray]]:
    for clip in noisy_speech(seed, clips, SAMPLES, half):
        yield {"input_1": mel_spectrum(clip)[np.newaxis]}


def _read(outputs: Arrays) -> np.ndarray:
    (grades,) = outputs.values()
    return np.asarray(grades[0])
