"""The same images prepared otherwise: back to pixels, then as networks are usually trained."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edgeml_converters.lint.thresholds import Preparation
from edgeml_runtime.preprocess import Pipeline

Change = Callable[[np.ndarray], np.ndarray]

ALIKE = 0.15
"""Preparations that differ by less, relative to the deviation, are the same."""

_RANGES = (
    # lowest and highest value that data may have, and which it must go beyond; mean and deviation
    ((0.0, 1.0), (0.2, 0.5), 0.0, 255.0),
    ((-1.0, 1.0), (-0.3, 0.3), 127.5, 127.5),
    ((0.0, 255.0), (100.0, 16.0), 0.0, 1.0),
)


@dataclass(frozen=True)
class Variant:
    """The samples prepared in another way.

    Args:
        name: In words, to follow "samples".
        reversed: Whether the channels are in the other order, and nothing else is changed.
        scale: By how much the values grow.
        change: Turns a sample as it was given into this one.
    """

    name: str
    reversed: bool
    scale: float
    change: Change


def reversed_channels(layout: str) -> Variant:
    """Return the samples with BGR for RGB, and the other way round."""
    axis = 1 if layout == "NCHW" else -1
    return Variant("with the channels reversed", True, 1.0, lambda value: np.flip(value, axis))


def other_preparations(
    table: Sequence[Preparation], pipeline: Pipeline | None, low: float, high: float, layout: str
) -> list[Variant]:
    """Return the usual preparations that differ from the one that was given.

    Args:
        table: The usual ones.
        pipeline: What made the samples, if known.
        low: Their smallest value.
        high: Their largest value.
        layout: ``NCHW`` or ``NHWC``.

    Returns:
        Nothing where it cannot be told what the pixels were.
    """
    given = _given(pipeline, low, high)
    if given is None:
        return []
    mean, std, bgr = given
    variants = []
    for entry in table:
        wanted, wanted_std = _wanted(entry, bgr=bgr)
        if not _alike(mean, std, wanted, wanted_std):
            scale = float(std.mean() / wanted_std.mean())
            change = _change(mean, std, wanted, wanted_std, layout)
            variants.append(Variant(entry.name, False, scale, change))
    return variants


def standardized(mean: float, deviation: float) -> Variant:
    """Return the samples by their own *mean* and *deviation*: usual for gray images."""

    def change(value: np.ndarray) -> np.ndarray:
        return np.asarray((value.astype(np.float32) - mean) / deviation, np.float32)

    name = "normalized by their own mean and deviation"
    return Variant(name, False, 1.0 / deviation, change)


def _given(
    pipeline: Pipeline | None, low: float, high: float
) -> tuple[np.ndarray, np.ndarray, bool] | None:
    """Return mean and deviation by channel that lead back to pixels, and whether they are BGR."""
    steps = [] if pipeline is None else pipeline.to_json()["step"]
    bgr = any(step["op"] == "color" and step["to"] == "BGR" for step in steps)
    for step in steps:
        if step["op"] == "normalize":
            mean, std = (np.array(step[key], np.float64) for key in ("mean", "std"))
            mean, std = np.broadcast_arrays(mean, std)
            pixels = low * std.mean() + mean.mean(), high * std.mean() + mean.mean()
            fits = pixels[0] > -16.0 and 16.0 < pixels[1] < 272.0
            return (mean, std, bgr) if fits else None
    for (least, most), (below, above), shift, scale in _RANGES:
        slack = (most - least) / 50
        inside = low >= least - slack and high <= most + slack
        if inside and low <= below and high >= above:
            return np.full(1, shift), np.full(1, scale), bgr
    return None


def _wanted(entry: Preparation, *, bgr: bool) -> tuple[np.ndarray, np.ndarray]:
    mean, std = np.array(entry.mean), np.array(entry.std)
    return (mean[::-1], std[::-1]) if bgr else (mean, std)


def _alike(mean: np.ndarray, std: np.ndarray, other: np.ndarray, other_std: np.ndarray) -> bool:
    ratio = float(np.log(std.mean() / other_std.mean()))
    return abs(ratio) < ALIKE and abs(mean.mean() - other.mean()) < ALIKE * std.mean()


def _change(
    mean: np.ndarray, std: np.ndarray, wanted: np.ndarray, wanted_std: np.ndarray, layout: str
) -> Change:
    def change(value: np.ndarray) -> np.ndarray:
        channels = value.shape[1 if layout == "NCHW" else -1]
        shape = (-1, 1, 1) if layout == "NCHW" else (-1,)
        scale, shift = std / _fit(wanted_std, channels), (mean - _fit(wanted, channels))
        shift = shift / _fit(wanted_std, channels)
        changed = value.astype(np.float32) * np.reshape(scale, shape) + np.reshape(shift, shape)
        return np.asarray(changed, np.float32)

    return change


def _fit(values: np.ndarray, channels: int) -> np.ndarray:
    return values if values.size == channels else np.full(channels, values.mean())
