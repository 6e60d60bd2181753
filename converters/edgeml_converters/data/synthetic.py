"""Made-up samples where there is no data: seeded, so the same on every machine.

For parity checks noise will do. For calibration images look like photographs, and everything lies
where the network expects it.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final

import numpy as np

from edgeml_converters.data.dataset import Dataset, Sample
from edgeml_converters.data.made_up_images import made_up_image
from edgeml_converters.data.model_input import dataset_from_source
from edgeml_converters.data.source import RawSample, Source
from edgeml_runtime.errors import InputError, UnsupportedError
from edgeml_runtime.preprocess import Pipeline
from edgeml_runtime.tensors import TensorSpec

INDEX_LIMIT = 8
"""Wide integers are most often indices into a table, so they stay below this."""

NAME: Final = "synthetic"
"""What the user gives for DATA to have samples made up."""
CALIBRATION_SAMPLES: Final = 64
_COLORS: Final = 3

Make = Callable[[TensorSpec, np.random.Generator], np.ndarray]


def synthetic_data(inputs: tuple[TensorSpec, ...], samples: int = 8) -> Dataset:
    """Return unlabelled samples: normal for floats, the whole range of 8-bit integers, else 0 to 7.

    Sample *i* does not depend on how many are asked for.

    Raises:
        InputError: An input has a free axis other than the batch axis.
        UnsupportedError: An input is not of numbers.
    """
    _check(inputs)
    read = partial(_samples, inputs, samples, _values)
    return Dataset("synthetic data", read, size=samples, labelled=False, synthetic=True)


def synthetic_calibration(
    inputs: tuple[TensorSpec, ...],
    pipeline: Pipeline | None,
    index_limits: Mapping[str, int],
    pixels: tuple[float, float],
    samples: int = CALIBRATION_SAMPLES,
) -> Dataset:
    """Return samples to set scales from where there are none: a fallback.

    Args:
        inputs: The model's inputs.
        pipeline: Prepares made-up images as it would prepare photographs.
        index_limits: The size of the table that an integer input looks things up in, by name.
        pixels: What to divide pixels by, after subtracting what: for images without a pipeline.
        samples: How many.

    Raises:
        InputError: An input has a free axis other than the batch axis, or the pipeline does not
            lead to its shape.
        UnsupportedError: An input is not of numbers.
    """
    _check(inputs)
    if pipeline is not None and len(inputs) == 1:
        read = partial(_images, inputs[0], pipeline, samples)
        source = Source(f"{NAME} data", read, samples)
        found = dataset_from_source(source, inputs, pipeline)
        return Dataset(source.name, found.read, samples, labelled=False, synthetic=True)
    make = partial(_expected, index_limits, pixels)
    read_all = partial(_samples, inputs, samples, make)
    return Dataset(f"{NAME} data", read_all, size=samples, labelled=False, synthetic=True)


def _check(inputs: tuple[TensorSpec, ...]) -> None:
    for spec in inputs:
        free = [axis for axis, size in enumerate(spec.shape) if size is None and axis > 0]
        if free:
            raise InputError(
                f"The model's input '{spec.name}' has free sizes at axis "
                f"{', '.join(map(str, free))}, so no sample can be made up for it.",
                f"Fix them with --input-shape {spec.name}:SIZES, or give data.",
            )
        if np.dtype(spec.dtype).kind not in "biuf":
            raise UnsupportedError(
                f"No sample can be made up for the input '{spec.name}' of {spec.dtype}.",
                "Give data.",
            )


def _samples(inputs: tuple[TensorSpec, ...], samples: int, make: Make) -> Iterator[Sample]:
    for index in range(samples):
        generator = np.random.default_rng([0, index])
        values = {spec.name: make(spec, generator) for spec in inputs}
        yield Sample(values, None, values[inputs[0].name])


def _images(spec: TensorSpec, pipeline: Pipeline, samples: int) -> Iterator[RawSample]:
    if pipeline.window is not None:
        yield from _signals(spec, pipeline, pipeline.window.size_samples, samples)
        return
    height, width, channels = _image_size(spec) or (1, 1, 1)
    if any(step["op"] == "color" for step in pipeline.to_json()["step"]):
        channels = _COLORS
    for index in range(samples):
        generator = np.random.default_rng([0, index])
        image = made_up_image(generator, height, width, channels)
        yield RawSample(image, None, f"Made-up image {index}")


def _signals(
    spec: TensorSpec, pipeline: Pipeline, length: int, samples: int
) -> Iterator[RawSample]:
    """Yield noise, as sound or as sensors have it; a spectrum is made of one channel only."""
    spectral = any("n_fft" in step for step in pipeline.to_json()["step"])
    values = math.prod(size or 1 for size in spec.shape)
    channels = 1 if spectral else max(1, values // length)
    for index in range(samples):
        noise = np.random.default_rng([0, index]).normal(0.0, 0.1, (length, channels))
        yield RawSample(noise.astype(np.float32), None, f"Made-up signal {index}")


def _expected(
    index_limits: Mapping[str, int],
    pixels: tuple[float, float],
    spec: TensorSpec,
    generator: np.random.Generator,
) -> np.ndarray:
    dtype = np.dtype(spec.dtype)
    size = _image_size(spec)
    if dtype.kind == "f" and spec.layout and size is not None and size[-1] in (1, _COLORS):
        image = made_up_image(generator, *size).astype(np.float32)
        value = ((image - np.float32(pixels[0])) / np.float32(pixels[1])).astype(dtype)
        return (value.transpose(2, 0, 1) if spec.layout == "NCHW" else value)[np.newaxis]
    if spec.name in index_limits and dtype.kind in "iu":
        shape = tuple(1 if axis is None else axis for axis in spec.shape)
        return generator.integers(0, index_limits[spec.name], shape).astype(dtype)
    return _values(spec, generator)


def _image_size(spec: TensorSpec) -> tuple[int, int, int] | None:
    """Return height, width and channels of an input that holds images."""
    if len(spec.shape) != 4:
        return None
    _, *sizes = (size or 1 for size in spec.shape)
    if spec.layout == "NCHW":
        return sizes[1], sizes[2], sizes[0]
    return sizes[0], sizes[1], sizes[2]


def _values(spec: TensorSpec, generator: np.random.Generator) -> np.ndarray:
    dtype = np.dtype(spec.dtype)
    shape = tuple(1 if size is None else size for size in spec.shape)
    if dtype.kind == "f":
        return generator.standard_normal(shape).astype(dtype)
    if dtype.kind == "b":
        return generator.integers(0, 2, shape).astype(dtype)
    if dtype.itemsize == 1:
        limits = np.iinfo(dtype)
        return generator.integers(limits.min, limits.max + 1, shape).astype(dtype)
    return generator.integers(0, INDEX_LIMIT, shape).astype(dtype)
