"""The limits of the check and the ways to prepare images, read from ``thresholds.toml``."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True)
class DataLimits:
    """Limits for the samples by themselves."""

    few_samples: int
    repeated_share: float
    constant_share: float
    constant_contrast: float
    clipped_share: float
    one_class_samples: int


@dataclass(frozen=True)
class RangeLimits:
    """Values that tell pixels of 0..255 from normalized ones."""

    normalized_high: float
    pixel_high: float
    pixel_scale: float
    pixel_shift: float
    unit_low: float
    unit_high: float
    std_of_pixels: float
    std_of_unit: float


@dataclass(frozen=True)
class FirstLayerLimits:
    """Limits for what the first layer makes of the samples."""

    samples: int
    border: int
    typical: float
    too_large: float
    large_bias: float
    too_small: float
    small_bias: float
    far: float
    deep: int


@dataclass(frozen=True)
class SuretyLimits:
    """Limits for how sure the network is of its answers."""

    samples: int
    memory_bytes: int
    checkpoints: tuple[int, ...]
    hopeless: tuple[float, ...]
    decisive: tuple[float, ...]
    entropy_ratio: float
    least_entropy: float
    sure: float
    variety: float
    apart_samples: int
    apart_ratio: float
    apart: float
    labels_right: float
    labels_t: float
    labels_won: int
    macs: float
    share: float


@dataclass(frozen=True)
class Preparation:
    """One usual way to prepare an image: ``(pixel - mean) / std`` in RGB, pixels of 0..255."""

    name: str
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class Thresholds:
    """Everything in the table."""

    data: DataLimits
    range: RangeLimits
    first_layer: FirstLayerLimits
    surety: SuretyLimits
    preparations: tuple[Preparation, ...]


@cache
def load_thresholds() -> Thresholds:
    """Return the table of the package."""
    text = resources.files(__package__).joinpath("thresholds.toml").read_text(encoding="utf-8")
    document = tomllib.loads(text)
    surety = document["surety"]
    lists = {name: tuple(value) for name, value in surety.items() if isinstance(value, list)}
    return Thresholds(
        data=DataLimits(**document["data"]),
        range=RangeLimits(**document["range"]),
        first_layer=FirstLayerLimits(**document["first_layer"]),
        surety=SuretyLimits(**{**surety, **lists}),
        preparations=tuple(
            Preparation(row["name"], tuple(row["mean"]), tuple(row["std"]))
            for row in document["variant"]
        ),
    )
