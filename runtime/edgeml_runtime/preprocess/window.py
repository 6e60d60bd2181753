"""The steps for signals, sound or sensors: ``window``, ``standardize`` and ``layout``.

A signal is (T,) or (T,C), time first. Between the steps it is (T,C) in float32, and so are the
features of a spectrum: frames, then features.
"""

from collections.abc import Iterator
from typing import Any, ClassVar, Optional

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.errors import InputError
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.preprocess import Step

_MAX_SAMPLES = 1 << 24


@dataclass(frozen=True)
class Window:
    """The first step of a chain for signals: how much of one the model is given at a time.

    Args:
        size_samples: What the model is given.
        hop_samples: From the start of one window to the start of the next.
        rate_hz: Samples of a channel in a second.
        end: ``pad`` fills the last window up with zeros; ``drop`` leaves out what fills no window.
    """

    op: ClassVar[str] = "window"
    size_samples: int
    hop_samples: int
    rate_hz: float
    end: str = "pad"

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return a signal of one window as (size,C), filled up with zeros if it is shorter.

        Raises:
            InputError: It is longer, empty or no signal.
        """
        signal = _checked(image)
        missing = self.size_samples - len(signal)
        if missing < 0:
            raise InputError(
                f"The signal has {len(signal)} samples, and a window {self.size_samples}.",
                "Cut it with Pipeline.window.cut(signal), or give it to the model.",
            )
        if missing == 0:
            return signal
        return np.concatenate((signal, np.zeros((missing, signal.shape[1]), np.float32)))

    def cut(self, signal: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the windows (size,C) of a signal of any length, one at least."""
        rows = _checked(signal)
        for start in self._starts(len(rows)):
            yield self(rows[start : start + self.size_samples])

    def spans_s(self, samples: int) -> list[tuple[float, float]]:
        """Return start and end of each window of a signal of *samples*, in seconds."""
        ends = [(at, min(at + self.size_samples, samples)) for at in self._starts(samples)]
        return [(start / self.rate_hz, end / self.rate_hz) for start, end in ends]

    def _starts(self, samples: int) -> range:
        after_first = max(0, samples - self.size_samples)
        rounding = self.hop_samples - 1 if self.end == "pad" else 0
        return range(0, after_first + rounding + 1, self.hop_samples)

    def to_json(self) -> dict[str, Any]:
        """Return the step's entry."""
        lengths = {"size": self.size_samples, "hop": self.hop_samples}
        return {"op": self.op, **lengths, "rate_hz": self.rate_hz, "end": self.end}

    @classmethod
    def parse(cls, fields: Fields, before: tuple[Step, ...]) -> "Window":
        """Return the step of an entry; see ``StepParser``."""
        if before:
            raise fields.fault("'window' is the first step, or there is none")
        rate_hz = number(fields, "rate_hz", 1e-3, 1e6)
        size = _length(fields, "size", rate_hz, _MAX_SAMPLES)
        hop = _length(fields, "hop", rate_hz, size, size)
        return cls(size, hop, rate_hz, fields.choice("end", ("pad", "drop"), "pad"))


@dataclass(frozen=True)
class Standardize:
    """Makes the mean 0 and the variance 1: of each sample, or of each of its channels."""

    op: ClassVar[str] = "standardize"
    by: str
    epsilon: float

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return ``(x - mean) / sqrt(variance + epsilon)`` in float32."""
        axes = None if self.by == "sample" else tuple(range(image.ndim - 1))
        centered = image - image.mean(axes, np.float64)
        variance = np.square(centered).mean(axes)
        return np.asarray(centered / np.sqrt(variance + self.epsilon), np.float32)

    def to_json(self) -> dict[str, Any]:
        """Return the step's entry."""
        return {"op": self.op, "by": self.by, "epsilon": self.epsilon}

    @classmethod
    def parse(cls, fields: Fields, before: tuple[Step, ...]) -> "Standardize":  # noqa: ARG003 - StepParser
        """Return the step of an entry; see ``StepParser``."""
        by = fields.choice("by", ("sample", "channel"), "sample")
        return cls(by, number(fields, "epsilon", 1e-30, 1.0, 1e-7))


@dataclass(frozen=True)
class SignalLayout:
    """Orders the axes as the letters of *to*: N batch, T time, C channels or features, 1 neither.

    ``NT`` is a waveform, ``NCT`` what 1-d convolutions take, ``N1CT`` a spectrogram as an image.
    """

    op: ClassVar[str] = "layout"
    to: str

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return the signal (T,C) with the axes of *to*, contiguous in memory."""
        samples, channels = image.shape
        sizes = {"N": 1, "1": 1, "T": samples, "C": channels}
        if channels > 1 and "C" not in self.to:
            raise InputError(
                f"The layout {self.to} has no C, and the signal has {channels} channels.",
                "Give a signal of one channel, or a layout such as NTC.",
            )
        time_last = self.to.index("T") > self.to.find("C") >= 0
        ordered = np.ascontiguousarray(image.T if time_last else image)
        return ordered.reshape([sizes[letter] for letter in self.to])

    def to_json(self) -> dict[str, Any]:
        """Return the step's entry."""
        return {"op": self.op, "to": self.to}

    @classmethod
    def parse(cls, fields: Fields, before: tuple[Step, ...]) -> "SignalLayout":  # noqa: ARG003 - StepParser
        """Return the step of an entry; see ``StepParser``."""
        to = fields.text("to")
        if to[:1] != "N" or sorted(to[1:].replace("1", "")) not in (["T"], ["C", "T"]):
            raise fields.fault(f"'to' is '{to}', and must be N, T and C in an order, and 1s")
        if len(to) > 6:
            raise fields.fault(f"'to' is '{to}', and may have 6 axes")
        return cls(to)


def number(
    fields: Fields, key: str, least: float, most: float, default: Optional[float] = None
) -> float:
    """Return the number under *key*; raises InputError if it is not from *least* to *most*."""
    value, *others = fields.numbers(key, default)
    if others or not least <= value <= most:
        raise fields.fault(f"'{key}' must be one number from {least:g} to {most:g}")
    return value


def _length(
    fields: Fields, key: str, rate_hz: float, most: int, default: Optional[int] = None
) -> int:
    seconds = f"{key}_s"
    if fields.has(key) and fields.has(seconds):
        raise fields.fault(f"it has both '{key}' and '{seconds}'")
    if fields.has(seconds):
        return round(number(fields, seconds, 0.5 / rate_hz, most / rate_hz) * rate_hz) or 1
    return default if default and not fields.has(key) else fields.whole(key, 1, most)


def _checked(signal: np.ndarray) -> np.ndarray:
    if signal.ndim not in (1, 2) or 0 in signal.shape or signal.dtype.kind not in "fiu":
        raise InputError(
            f"The sample is {signal.dtype.name} with the shape {signal.shape}, not a signal.",
            "Give one signal of samples, or of samples x channels.",
        )
    return np.asarray(signal if signal.ndim == 2 else signal[:, np.newaxis], np.float32)
