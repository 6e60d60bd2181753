"""What can be said of samples without a network: how many, how different, how they are prepared."""

from collections.abc import Iterator
from pathlib import Path

from edgeml_converters.data import Dataset
from edgeml_converters.lint.network_entry import Affine
from edgeml_converters.lint.sample_statistics import SampleStatistics
from edgeml_converters.lint.thresholds import DataLimits, RangeLimits
from edgeml_runtime.preprocess import Pipeline


def calibration_notes(data: Dataset, seen: SampleStatistics, limits: DataLimits) -> Iterator[str]:
    """Yield what makes the samples a poor choice to set scales from."""
    if not seen.complete:
        return
    if seen.count < limits.few_samples:
        yield (
            f"{_name(data)} has {seen.count} sample{'' if seen.count == 1 else 's'} to calibrate "
            "on; ranges of so few may miss values that occur in use. Give "
            f"{limits.few_samples} or more typical ones."
        )
    if _one_class(data, seen) and seen.count >= limits.one_class_samples:
        yield (
            f"All {seen.count} samples of {_name(data)} are of class {next(iter(seen.labels))}. "
            "Calibrate on samples of every class, as the network will meet them."
        )


def content_notes(data: Dataset, seen: SampleStatistics, limits: DataLimits) -> Iterator[str]:
    """Yield what is wrong within the samples."""

    def of_all(some: int) -> str:
        return f"{some} of {seen.count} samples of {_name(data)}"

    if seen.unsound:
        yield (
            f"{of_all(seen.unsound)} hold NaN or infinite values. Take them out, or correct what "
            "makes them."
        )
    if seen.count > 1 and seen.repeated == seen.count - 1:
        yield (
            f"All {seen.count} samples of {_name(data)} are the same. Check what makes them, and "
            "the steps of --preprocess."
        )
    elif seen.repeated >= max(2.0, limits.repeated_share * seen.count):
        yield (
            f"{of_all(seen.repeated)} occur earlier in it. Give different ones: repeated samples "
            "add nothing."
        )
    floor = limits.constant_contrast * (seen.high - seen.low)
    flat = sum(deviation <= floor for deviation in seen.deviations)
    if flat >= max(2.0, limits.constant_share * seen.count):
        yield (
            f"{of_all(flat)} have the same value everywhere. Check that the files are what they "
            "should be, and the steps of --preprocess."
        )
    clipped = seen.clipped / max(seen.count, 1)
    if clipped > limits.clipped_share:
        yield (
            f"Preprocessing drives {clipped:.0%} of the values of {_name(data)} to the ends of "
            "their range, where they are cut off. Check the step 'cast' and what comes before it."
        )


def preparation_notes(
    seen: SampleStatistics, pipeline: Pipeline | None, network: Affine, limits: RangeLimits
) -> Iterator[str]:
    """Yield what the values say against the steps that made them, or against the network's own."""
    step = _normalize_step(pipeline)
    if step is not None:
        mean, std = max(map(abs, step["mean"])), min(step["std"])
        raw = f"{seen.raw_low:.3g} to {seen.raw_high:.3g}"
        normalized = seen.raw_high <= limits.normalized_high and seen.raw_low < seen.raw_high
        if normalized and std >= limits.std_of_pixels:
            yield (
                f"The samples look normalized twice: they range from {raw} before preprocessing, "
                f"which then divides by {std:g} as if they were pixels of 0..255. Leave out the "
                "step 'normalize', or give the pixels themselves."
            )
            return
        if seen.raw_high > limits.pixel_high and std < limits.std_of_unit and mean <= 1.0:
            yield (
                f"The step 'normalize' subtracts {mean:g} and divides by {std:g}, which is for "
                f"pixels of 0..1, but they range from {raw}. Multiply its mean and std by 255."
            )
            return
    yield from _network_notes(seen, network, limits)


def _network_notes(seen: SampleStatistics, network: Affine, limits: RangeLimits) -> Iterator[str]:
    given = f"the samples range from {seen.low:.3g} to {seen.high:.3g}"
    scale, shift = abs(network.scale), network.shift
    divides = 0 < scale <= limits.pixel_scale
    if divides or (scale == 1.0 and shift <= -limits.pixel_shift):
        if seen.high <= limits.normalized_high:
            yield (
                f"The network normalizes pixels of 0..255 by itself (it computes {scale:.3g} * x "
                f"{shift:+.3g}), but {given}: they are normalized twice. Leave out the step "
                "'normalize' of --preprocess."
            )
    elif scale > 1.0 and shift < 0 and (seen.low < limits.unit_low or seen.high > limits.unit_high):
        remedy = (
            "Divide by 255 only, with mean 0 and std 255 in the step 'normalize' of --preprocess."
        )
        yield (
            f"The network normalizes pixels of 0..1 by itself (it computes {scale:.3g} * x "
            f"{shift:+.3g}), but {given}. {remedy}"
        )


def _normalize_step(pipeline: Pipeline | None) -> dict[str, list[float]] | None:
    steps = [] if pipeline is None else pipeline.to_json()["step"]
    return next((step for step in steps if step["op"] == "normalize"), None)


def _one_class(data: Dataset, seen: SampleStatistics) -> bool:
    if len(seen.labels) != 1 or seen.labels == {None}:
        return False
    # A single folder says nothing: images need one, also where there are no classes.
    return not (seen.labels == {0} and Path(data.name).is_dir())


def _name(data: Dataset) -> str:
    return Path(data.name).name  # without its folder, as the record goes with the files
