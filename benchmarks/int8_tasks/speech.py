"""Speech with noise: the recorded prompts of a telephone exchange, at 16 kHz.

They ship in a package of Debian, spoken by one woman and sampled at 8 kHz, so that there is nothing
above 4 kHz but noise. The level, the kind of noise and how loud it is are random, and the same for
the same seed.
"""

import wave
from collections.abc import Iterator
from functools import cache
from typing import Literal

import numpy as np

from benchmarks.int8_tasks.debian_package import debian_package

PACKAGE = "asterisk-core-sounds-en-wav"
SAMPLE_RATE = 16000
_RECORDED_RATE = 8000
_SHORTEST_S = 2.5
_SIGNAL_TO_NOISE_DB = (0, 5, 10, 15, 20, 30, 60)
Half = Literal["even", "odd"]


def noisy_speech(seed: int, clips: int, samples: int, half: Half) -> Iterator[np.ndarray]:
    """Yield *clips* of speech, each (*samples*,) float32 between -1 and 1.

    Args:
        seed: Of all that is random.
        clips: How many.
        samples: How long each is.
        half: Which of the prompts are used; the two have none in common.
    """
    random = np.random.default_rng(seed)
    prompts = _prompts()[half == "odd" :: 2]
    for _ in range(clips):
        speech = np.zeros(0)
        while len(speech) < samples:
            speech = np.append(speech, prompts[int(random.integers(len(prompts)))])
        yield add_noise(random, speech[:samples])


def add_noise(random: np.random.Generator, speech: np.ndarray) -> np.ndarray:
    """Return *speech* at another level, with noise of a random kind and strength."""
    noise = _noise(random, len(speech))
    ratio = 10 ** (-float(random.choice(_SIGNAL_TO_NOISE_DB)) / 20)
    mixed = speech / _level(speech) + ratio * noise / _level(noise)
    loud = mixed * 10 ** (random.uniform(-34, -20) / 20)
    return np.clip(loud, -1, 1).astype(np.float32)


def _noise(random: np.random.Generator, samples: int) -> np.ndarray:
    """Return white, pink or brown noise, or a hum."""
    kind = int(random.integers(4))
    if kind == 3:
        time_s = np.arange(samples) / SAMPLE_RATE
        return sum(np.sin(2 * np.pi * 50 * n * time_s) / n for n in range(1, 9)) + np.zeros(samples)
    spectrum = np.fft.rfft(random.normal(size=samples))
    slope = np.maximum(np.arange(len(spectrum)), 1.0) ** (-kind / 2)
    return np.fft.irfft(spectrum * slope, samples)


def _level(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(sound)))) or 1.0


@cache
def _prompts() -> tuple[np.ndarray, ...]:
    """Return the longer prompts, by file name."""
    found = []
    for path in sorted(debian_package(PACKAGE).glob("usr/share/asterisk/sounds/*/*.wav")):
        with wave.open(str(path)) as file:
            if file.getnframes() >= _SHORTEST_S * _RECORDED_RATE:
                recorded = np.frombuffer(file.readframes(file.getnframes()), "<i2")
                found.append(_doubled(recorded / 32768))
    return tuple(found)


def _doubled(sound: np.ndarray) -> np.ndarray:
    """Return *sound* at twice the rate, its spectrum padded with zeros."""
    return 2 * np.fft.irfft(np.fft.rfft(sound), 2 * len(sound))
