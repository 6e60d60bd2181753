"""The steps ``spectrogram``, ``log_mel`` and ``mfcc``: from a waveform to frames of features.

They give what librosa, torchaudio and Kaldi give; runtime/README.md says what differs among these.
"""

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Optional, cast

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.errors import InputError
from edgeml_runtime.preprocess.step import Step
from edgeml_runtime.preprocess.window import Window, number

_WAVE: dict[str, tuple[Any, ...]] = {  # key to its choices, or its least and greatest number
    "n_fft": (2, 1 << 16),
    "win": (2, 1 << 16),
    "hop": (1, 1 << 16),
    "window": ("hann", "hamming", "povey", "none"),
    "framing": ("reflect", "zeros", "none"),
    "preemphasis": (0.0, 1.0),
    "gain": (1e-9, 1e9),
    "power": (1, 2),
    "log": ("none", "ln", "log10", "db"),
    "floor": (1e-30, 1e3),
    "offset": (0.0, 1e3),
    "top_db": (0.0, 1e3),
}
_MEL: dict[str, tuple[Any, ...]] = {
    **_WAVE,
    "mels": (1, 1024),
    "f_min": (0.0, 1e6),
    "f_max": (0.0, 1e6),
    "mel_scale": ("htk", "slaney", "kaldi"),
    "norm": ("none", "slaney"),
}
_KEYS = {
    "spectrogram": _WAVE,
    "log_mel": _MEL,
    "mfcc": {**_MEL, "coefficients": (1, 1024), "lifter": (0.0, 1e3)},
}
_TORCHAUDIO: dict[str, Any] = {
    "window": "hann",
    "framing": "reflect",
    "preemphasis": 0,
    "gain": 1,
    "power": 2,
    "floor": 1e-10,
    "offset": 0,
    "top_db": 0,
    "mels": 128,
    "f_min": 0,
    "mel_scale": "htk",
    "log": "db",
    "norm": "none",
    "coefficients": 40,
    "lifter": 0,
}
_STYLES: dict[str, dict[str, Any]] = {
    "torchaudio": _TORCHAUDIO,
    "librosa": {
        **_TORCHAUDIO,
        "framing": "zeros",
        "top_db": 80,
        "mel_scale": "slaney",
        "norm": "slaney",
        "coefficients": 20,
    },
    "kaldi": {
        **_TORCHAUDIO,
        "window": "povey",
        "framing": "none",
        "preemphasis": 0.97,
        "mels": 23,
        "log": "ln",
        "floor": 2**-23,
        "f_min": 20,
        "mel_scale": "kaldi",
        "coefficients": 13,
        "lifter": 22,
    },
}


@dataclass(frozen=True)
class Spectrum:
    """Frames of a spectrum, of a mel scale or of cepstra, by its keys; 0 ``mels`` is no mel scale.

    The keys are those of the document; *rate_hz* is that of the window.
    """

    op: str
    rate_hz: float
    n_fft: int
    win: int
    hop: int
    window: str
    framing: str
    preemphasis: float
    gain: float
    power: int
    log: str
    floor: float
    offset: float
    top_db: float
    mels: int = 0
    f_min: float = 0.0
    f_max: float = 0.0
    mel_scale: str = ""
    norm: str = ""
    coefficients: int = 0
    lifter: float = 0.0

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return the features (frames, features) of a waveform (T,1), in float32."""
        if image.shape[1] != 1:
            raise InputError(
                f"The step '{self.op}' got a signal of {image.shape[1]} channels.",
                "Give a signal of one channel.",
            )
        window, bank, cosines = self._arrays
        spectrum = np.fft.rfft(self._frames(image[:, 0]) * window, self.n_fft)
        values = np.square(spectrum.real) + np.square(spectrum.imag)
        if self.power == 1:
            values = np.sqrt(values)
        if bank is not None:
            values = values @ bank
        if self.log != "none":
            values = self._logarithm(values)
        return np.asarray(values if cosines is None else values @ cosines, np.float32)

    def _frames(self, sound: np.ndarray) -> np.ndarray:
        length, start = self.win, 0
        if self.framing != "none":
            mode = "reflect" if self.framing == "reflect" else "constant"
            sound = cast("Any", np.pad)(sound, self.n_fft // 2, mode)
            length, start = self.n_fft, (self.n_fft - self.win) // 2
        shape = 1 + (len(sound) - length) // self.hop, self.win
        strides = sound.strides[0] * self.hop, sound.strides[0]
        frames = np.lib.stride_tricks.as_strided(sound[start:], shape, strides, writeable=False)
        if self.preemphasis:  # as Kaldi has it: in each frame, after taking its mean off
            frames = frames - frames.mean(1, keepdims=True)
            frames = frames - self.preemphasis * frames[:, [0, *range(self.win - 1)]]
        return frames

    def _logarithm(self, values: np.ndarray) -> np.ndarray:
        decibels = 20.0 / self.power
        scale = {"db": decibels, "log10": 1.0, "ln": np.log(10.0)}[self.log]
        logarithm: np.ndarray = scale * np.log10(np.maximum(values, self.floor) + self.offset)
        if self.top_db:
            np.maximum(logarithm, logarithm.max() - self.top_db * scale / decibels, out=logarithm)
        return logarithm

    @cached_property
    def _arrays(self) -> tuple[np.ndarray, Optional[np.ndarray], Optional[np.ndarray]]:
        """The window, and what turns bins to mels and mels to cepstra; made once."""
        symmetric = self.window == "povey"
        turn = 2.0 * np.pi / (self.win - symmetric)
        share = {"hamming": 0.54, "none": 1.0}.get(self.window, 0.5)
        window = share - (1.0 - share) * np.cos(turn * np.arange(self.win))
        window = self.gain * (window**0.85 if symmetric else window)
        cosines = None
        if self.coefficients:
            order = np.arange(self.coefficients)
            middle = np.arange(self.mels)[:, np.newaxis] + 0.5
            cosines = np.cos(np.pi / self.mels * middle * order) * np.sqrt(2.0 / self.mels)
            cosines[:, 0] *= np.sqrt(0.5)
            if self.lifter:
                cosines *= 1.0 + self.lifter / 2.0 * np.sin(np.pi / self.lifter * order)
        return window, self._bank() if self.mels else None, cosines

    def _bank(self) -> np.ndarray:
        slaney = self.mel_scale == "slaney"
        low, high = _mel(np.array([self.f_min, self.f_max]), slaney)
        mels = np.linspace(low, high, self.mels + 2)
        hertz = _hertz(mels, slaney)
        bins = np.arange(self.n_fft // 2 + 1)[:, np.newaxis] * (self.rate_hz / self.n_fft)
        at, points = (_mel(bins, False), mels) if self.mel_scale == "kaldi" else (bins, hertz)
        rising = (at - points[:-2]) / (points[1:-1] - points[:-2])
        falling = (points[2:] - at) / (points[2:] - points[1:-1])
        bank: np.ndarray = np.maximum(0.0, np.minimum(rising, falling))
        if self.norm == "slaney":
            bank *= 2.0 / (hertz[2:] - hertz[:-2])
        return bank

    def to_json(self) -> dict[str, Any]:
        """Return the step's entry."""
        entry = {key: value for key, value in asdict(self).items() if key in _KEYS[self.op]}
        return {"op": self.op, **entry}

    @classmethod
    def parse(cls, fields: Fields, before: tuple[Step, ...]) -> "Spectrum":
        """Return the step of an entry; see ``StepParser``."""
        source = cast("Window", before[0])
        op = fields.text("op")
        defaults = dict(_STYLES[fields.choice("like", _STYLES, "torchaudio")])
        if op == "spectrogram":
            defaults["log"] = "none"
        if op == "mfcc" and defaults["log"] == "db":
            defaults["top_db"] = 80
        if fields.has("offset"):
            defaults["floor"] = 1e-30
        defaults["f_max"] = source.rate_hz / 2.0
        values: dict[str, Any] = {}
        for key, allowed in _KEYS[op].items():
            values[key] = _read(fields, key, allowed, defaults.get(key))
            defaults["win"] = values["n_fft"]
        step = cls(op, source.rate_hz, **values)
        step._check(fields, source.size_samples)
        return step

    def _check(self, fields: Fields, samples: int) -> None:
        """Refuse keys that are at odds with one another."""
        if self.win > self.n_fft:
            raise fields.fault(f"'win' is {self.win}, and may be 'n_fft', {self.n_fft}, at most")
        shortest = {"none": self.win, "reflect": self.n_fft // 2 + 1, "zeros": 1}[self.framing]
        if samples < shortest:
            raise fields.fault(f"it needs {shortest} samples, and the window has {samples}")
        if self.mels and not self.f_min < self.f_max <= self.rate_hz / 2.0:
            raise fields.fault(f"'f_max' must be above 'f_min', and {self.rate_hz / 2:g} at most")
        if self.coefficients > self.mels:
            raise fields.fault(f"'coefficients' may be 'mels', {self.mels}, at most")


def _read(fields: Fields, key: str, allowed: tuple[Any, ...], default: Any) -> Any:  # noqa: ANN401 - text or number
    if isinstance(allowed[0], str):
        return fields.choice(key, allowed, default)
    if isinstance(allowed[0], float):
        return number(fields, key, allowed[0], allowed[1], default)
    return default if default and not fields.has(key) else fields.whole(key, *allowed)


def _mel(hertz: np.ndarray, slaney: bool) -> np.ndarray:
    if not slaney:
        return 2595.0 * np.log10(1.0 + hertz / 700.0)
    return np.where(
        hertz < 1000.0, hertz * 0.015, 15.0 + np.log(np.maximum(hertz, 1.0) / 1000.0) / _SLANEY
    )


def _hertz(mels: np.ndarray, slaney: bool) -> np.ndarray:
    if not slaney:
        return 700.0 * (10.0 ** (mels / 2595.0) - 1.0)
    return np.where(mels < 15.0, mels / 0.015, 1000.0 * np.exp((mels - 15.0) * _SLANEY))


_SLANEY = np.log(6.4) / 27.0  # Slaney's Auditory Toolbox: linear to 1 kHz, then logarithmic
