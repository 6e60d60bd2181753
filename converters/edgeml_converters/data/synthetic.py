"""Made-up samples for parity checks when there is no data: seeded, so the same on every machine."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from edgeml_converters.data.dataset import Dataset, Sample
from edgeml_runtime.errors import InputError, UnsupportedError
from edgeml_runtime.tensors import TensorSpec

INDEX_LIMIT = 8
"""Wide integers are most often indices into a table, so they stay below this."""


def synthetic_data(inputs: tuple[TensorSpec, ...], samples: int = 8) -> Dataset:
    """Return unlabelled samples: normal for floats, the whole range of 8-bit integers, else 0 to 7.

    Sample *i* does not depend on how many are asked for.

    Raises:
        InputError: An input has a free axis other than the batch axis.
        UnsupportedError: An input is not of numbers.
    """
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
    read = partial(_samples, inputs, samples)
    return Dataset("synthetic data", read, size=samples, labelled=False, synthetic=True)


def _samples(inputs: tuple[TensorSpec, ...], samples: int) -> Iterator[Sample]:
    for index in range(samples):
        generator = np.random.default_rng([0, index])
        values = {spec.name: _values(spec, generator) for spec in inputs}
        yield Sample(values, None, values[inputs[0].name])


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
