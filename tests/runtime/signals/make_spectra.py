"""Makes ``spectra.npz``: a sound, and what torch, torchaudio, librosa and Kaldi's code make of it.

    python tests/runtime/signals/make_spectra.py

Made with torch 2.13.0, torchaudio 2.11.0 (whose ``compliance.kaldi`` is held to Kaldi by its own
tests) and librosa 0.11.0. The file is committed, as the tests need none of them. Each step is
beside its reference, as JSON.
"""

import json
from pathlib import Path
from typing import Any

import librosa  # type: ignore[import-not-found]  # in no environment of the project
import numpy as np
import torch
import torchaudio  # type: ignore[import-not-found]  # as librosa
from torchaudio.compliance import kaldi  # type: ignore[import-not-found]  # as librosa

RATE_HZ = 16_000
MEL: dict[str, Any] = {"n_fft": 512, "win": 400, "hop": 160, "mels": 40}
STEPS: dict[str, dict[str, Any]] = {
    "torch magnitude": {
        "op": "spectrogram",
        "n_fft": 400,
        "win": 320,
        "hop": 160,
        "window": "hamming",
        "power": 1,
    },
    "torch not centered": {"op": "spectrogram", "n_fft": 256, "hop": 100, "framing": "none"},
    "torchaudio mel": {"op": "log_mel", "log": "none", **MEL},
    "torchaudio ln of mel + 1e-6": {"op": "log_mel", "log": "ln", "offset": 1e-6, **MEL},
    "torchaudio decibels": {"op": "log_mel", **MEL},
    "torchaudio mfcc": {"op": "mfcc", "coefficients": 13, **MEL},
    "librosa decibels": {
        "op": "log_mel",
        "like": "librosa",
        "f_min": 60,
        "f_max": 7600,
        **MEL,
    },
    "librosa below the maximum": {"op": "log_mel", "like": "librosa", "ref": "max", **MEL},
    "librosa magnitude by htk": {
        "op": "log_mel",
        "like": "librosa",
        "mel_scale": "htk",
        "power": 1,
        "log": "none",
        **MEL,
    },
    "librosa odd n_fft": {
        "op": "log_mel",
        "like": "librosa",
        "n_fft": 321,
        "hop": 160,
        "mels": 64,
    },
    "librosa mfcc": {"op": "mfcc", "like": "librosa", **MEL},
    "kaldi fbank": {"op": "log_mel", "like": "kaldi", "gain": 32768, **MEL},
    "kaldi mfcc": {
        "op": "mfcc",
        "like": "kaldi",
        "gain": 32768,
        "n_fft": 512,
        "win": 400,
        "hop": 160,
    },
}


def make_sound() -> np.ndarray:
    """Return 0.25 s: a rising tone, noise and a click."""
    time_s = np.arange(RATE_HZ // 4) / RATE_HZ
    rising = 0.5 * np.sin(2 * np.pi * (200 + 12_000 * time_s) * time_s)
    noise = 0.02 * np.random.default_rng(7).standard_normal(time_s.size)
    rising[2000] += 0.9
    return np.asarray(rising + noise, np.float32)


def make_references(sound: np.ndarray) -> dict[str, np.ndarray]:
    """Return features x frames, by the names of ``STEPS``."""
    wave = torch.from_numpy(sound)
    mel = {"n_fft": 512, "win_length": 400, "hop_length": 160, "n_mels": 40}
    of_file: dict[str, Any] = {"y": sound, "sr": RATE_HZ}
    transforms, melspectrogram = torchaudio.transforms, librosa.feature.melspectrogram
    torch_mel = transforms.MelSpectrogram(RATE_HZ, **mel)(wave)
    hamming, hann = torch.hamming_window(320), torch.hann_window(256)
    kaldi_wave = wave[None] * 32768
    found: dict[str, Any] = {
        "torch magnitude": torch.stft(wave, 400, 160, 320, hamming, return_complex=True).abs(),
        "torch not centered": torch.stft(
            wave, 256, 100, 256, hann, center=False, return_complex=True
        ).abs()
        ** 2,
        "torchaudio mel": torch_mel,
        "torchaudio ln of mel + 1e-6": torch.log(torch_mel + 1e-6),
        "torchaudio decibels": transforms.AmplitudeToDB("power")(torch_mel),
        "torchaudio mfcc": transforms.MFCC(RATE_HZ, 13, melkwargs=mel)(wave),
        "librosa decibels": librosa.power_to_db(
            melspectrogram(**of_file, **mel, fmin=60.0, fmax=7600.0)
        ),
        "librosa below the maximum": librosa.power_to_db(
            melspectrogram(**of_file, **mel), ref=np.max
        ),
        "librosa magnitude by htk": melspectrogram(**of_file, **mel, htk=True, power=1.0),
        "librosa odd n_fft": librosa.power_to_db(
            melspectrogram(**of_file, n_fft=321, hop_length=160, n_mels=64)
        ),
        "librosa mfcc": librosa.feature.mfcc(**of_file, **mel),
        "kaldi fbank": kaldi.fbank(kaldi_wave, num_mel_bins=40).T,
        "kaldi mfcc": kaldi.mfcc(kaldi_wave).T,
    }
    return {name: np.asarray(found[name], np.float32) for name in STEPS}


def main() -> None:
    """Write the file."""
    sound = make_sound()
    arrays: dict[str, Any] = {"sound": sound, "steps": json.dumps(STEPS), **make_references(sound)}
    np.savez_compressed(Path(__file__).with_name("spectra.npz"), **arrays)


if __name__ == "__main__":
    main()
