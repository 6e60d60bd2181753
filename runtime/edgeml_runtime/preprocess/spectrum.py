"""The steps ``spectrogram``, ``log_mel`` and ``mfcc``: from a waveform to frames of features.

They give what librosa, torchaudio and Kaldi give; runtime/README.md says what differs among these.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Optional, cast

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.errors import InputError
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.preprocess import Step
from edgeml_runtime.preprocess.window import Window, number

_STYLES = ("torchaudio", "librosa", "kaldi")
# Key to its choices or its least and greatest number, and what it is by default in each style.
_KEYS: Mapping[str, tuple[tuple[Any, ...], tuple[Any, ...]]] = {
    "n_fft": ((2, 1 << 16), (None, None, None)),
    "win": ((2, 1 << 16), (None, None, None)),
    "hop": ((1, 1 << 16), (None, None, None)),
    "window": (("hann", "hamming", "povey", "none"), ("hann", "hann", "povey")),
    "framing": (("reflect", "zeros", "none"), ("reflect", "zeros", "none")),
    "preemphasis": ((0.0, 1.0), (0, 0, 0.97)),
    "gain": ((1e-9, 1e9), (1, 1, 1)),
    "power": ((1, 2), (2, 2, 2)),
    "log": (("none", "ln", "log10", "db"), ("db", "db", "ln")),
    "floor": ((1e-30, 1e3), (1e-10, 1e-10, 2**-23)),
    "offset": ((0.0, 1e3), (0, 0, 0)),
    "ref": (("one", "max"), ("one", "one", "one")),
    "top_db": ((0.0, 1e3), (0, 80, 0)),
    "mels": ((1, 1024), (128, 128, 23)),
    "f_min": ((0.0, 1e6), (0, 0, 20)),
    "f_max": ((0.0, 1e6), (None, None, None)),
    "mel_scale": (("htk", "slaney", "kaldi"), ("htk", "slaney", "kaldi")),
    "norm": (("none", "slaney"), ("none", "slaney", "none")),
    "coefficients": ((1, 1024), (40, 20, 13)),
    "lifter": ((0.0, 1e3), (0, 0, 22)),
}
# Products of so many multiplications stay in one thread in OpenBLAS; on a busy board its threads
# wait for one another, up to 20 ms.
_ONE_THREAD = 1 << 18
_MOST = 1 << 25  # numbers in memory: 30 s at 48 kHz by n_fft 2048, hop 128
_LAST_KEY = {"spectrogram": "top_db", "log_mel": "norm", "mfcc": "lifter"}


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
    ref: str
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
            rows = max(1, _ONE_THREAD // bank.size)
            parts = [values[at : at + rows] @ bank for at in range(0, len(values), rows)]
            values = np.concatenate(parts)
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
        if self.ref == "max":
            logarithm -= logarithm.max()
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
        return {"op": self.op, **{key: getattr(self, key) for key in _keys(self.op)}}

    @classmethod
    def parse(cls, fields: Fields, before: tuple[Step, ...]) -> "Spectrum":
        """Return the step of an entry; see ``StepParser``."""
        source = cast("Window", before[0])
        op = fields.text("op")
        style = _STYLES.index(fields.choice("like", _STYLES, "torchaudio"))
        own: dict[str, Any] = {"log": "none"} if op == "spectrogram" else {}
        own = {"top_db": 80} if op == "mfcc" and style == 0 else own  # as torchaudio's MFCC
        if fields.has("offset"):
            own["floor"] = 1e-30
        own["f_max"] = source.rate_hz / 2.0
        values: dict[str, Any] = {}
        for key in _keys(op):
            allowed, defaults = _KEYS[key]
            values[key] = _read(fields, key, allowed, own.get(key, defaults[style]))
            own["win"] = values["n_fft"]
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
        if max(samples // self.hop, self.mels) * self.n_fft > _MOST:
            raise fields.fault(f"it would need more than {_MOST} numbers in memory")
        if self.mels and not self.f_min + 1e-3 <= self.f_max <= self.rate_hz / 2.0:
            raise fields.fault(f"'f_max' must be above 'f_min', and {self.rate_hz / 2:g} at most")
        if self.coefficients > self.mels:
            raise fields.fault(f"'coefficients' may be 'mels', {self.mels}, at most")


def _keys(op: str) -> list[str]:
    names = list(_KEYS)
    return names[: names.index(_LAST_KEY[op]) + 1]


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
