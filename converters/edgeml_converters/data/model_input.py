"""How a raw sample becomes the model's inputs, and what is said when it does not fit.

Knows shapes, element types and the batch axis; must not know the forms of data or engines.
"""

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial

import numpy as np

from edgeml_converters.data.dataset import Dataset, Sample
from edgeml_converters.data.source import RawSample, Source
from edgeml_runtime.errors import InputError
from edgeml_runtime.preprocess import Pipeline
from edgeml_runtime.samples import resampled
from edgeml_runtime.tensors import TensorSpec


def dataset_from_source(
    source: Source, inputs: tuple[TensorSpec, ...], pipeline: Pipeline | None
) -> Dataset:
    """Return *source* as samples for a model; the first sample is read and checked now.

    Raises:
        InputError: The source is empty, its first sample does not fit, or a pipeline is missing
            (images, sound) or has no single input to feed.
    """
    if source.images and pipeline is None:
        raise InputError(
            f"{source.name} holds images or sounds, and nothing says how they become the model's "
            "input.",
            "Pass --preprocess FILE.toml with the steps (resize or window, normalize, layout).",
        )
    if pipeline is not None and len(inputs) != 1:
        names = ", ".join(spec.name for spec in inputs)
        raise InputError(
            f"Preprocessing feeds one input, and this model has {len(inputs)} ({names}).",
            "Leave out --preprocess and give data that fits the inputs as it is.",
        )
    read = partial(_samples, source, inputs, pipeline)
    with closing(read()) as samples:
        first = next(samples)
    cut = pipeline is not None and pipeline.window is not None  # one file may be many samples
    size = None if cut else source.size
    return Dataset(source.name, read, size=size, labelled=first.label is not None)


def _samples(
    source: Source, inputs: tuple[TensorSpec, ...], pipeline: Pipeline | None
) -> Generator[Sample]:
    empty = True
    for raw in source.read():
        empty = False
        for part in _windows(raw, pipeline):
            prepared = _model_inputs(part, inputs, pipeline)
            yield Sample(prepared, part.label, _raw_array(part, inputs))
    if empty:
        raise InputError(
            f"{source.name} gave no samples.",
            "Check that it has data, and that a callable makes a new iterator on every call.",
        )


def _windows(raw: RawSample, pipeline: Pipeline | None) -> Iterator[RawSample]:
    """Yield the windows of a signal, each with its label; anything else is yielded as it is."""
    window = None if pipeline is None else pipeline.window
    if raw.rate_hz is not None and window is None:
        raise InputError(
            f"{raw.origin} is sound, and the preprocessing is for images.",
            "Let its first step be 'window'.",
        )
    if window is None or isinstance(raw.value, Mapping):
        yield raw
        return
    rate_hz = raw.rate_hz or window.rate_hz
    for part in window.cut(resampled(raw.value, rate_hz, window.rate_hz)):
        yield replace(raw, value=part)


def _raw_array(raw: RawSample, inputs: tuple[TensorSpec, ...]) -> np.ndarray:
    return raw.value[inputs[0].name] if isinstance(raw.value, Mapping) else raw.value


def _model_inputs(
    raw: RawSample, inputs: tuple[TensorSpec, ...], pipeline: Pipeline | None
) -> dict[str, np.ndarray]:
    values = _by_name(raw, inputs)
    if pipeline is not None:
        values = {name: pipeline(value) for name, value in values.items()}
    return {
        spec.name: _fitted(values[spec.name], spec, raw.origin, preprocessed=pipeline is not None)
        for spec in inputs
    }


def _by_name(raw: RawSample, inputs: tuple[TensorSpec, ...]) -> Mapping[str, np.ndarray]:
    expected = [spec.name for spec in inputs]
    if not isinstance(raw.value, Mapping):
        if len(expected) == 1:
            return {expected[0]: raw.value}
        raise InputError(
            f"{raw.origin} is one array, but the model has {len(expected)} inputs.",
            f"Give one array for each of: {', '.join(expected)}.",
        )
    if sorted(raw.value) != sorted(expected):
        raise InputError(
            f"{raw.origin} has the arrays {', '.join(sorted(raw.value))}.",
            f"The model's inputs are {', '.join(expected)}; name the arrays so.",
        )
    return raw.value


def _fitted(value: np.ndarray, spec: TensorSpec, origin: str, *, preprocessed: bool) -> np.ndarray:
    """Return *value* with a batch axis of 1, checked against the model's input."""
    if value.ndim == len(spec.shape) - 1:
        value = value[np.newaxis]
    if not _same_shape(value.shape, spec.shape):
        raise _shape_error(value, spec, origin, preprocessed=preprocessed)
    if value.dtype != np.dtype(spec.dtype):
        raise InputError(
            f"{origin} is {value.dtype} {_text(value.shape)}; the model's input '{spec.name}' is "
            f"{spec.dtype} {_text(spec.shape)}.",
            f"Add a cast to {spec.dtype} to the preprocessing."
            if preprocessed
            else f"Pass --preprocess, or store the data as {spec.dtype}.",
        )
    return value


def _same_shape(shape: tuple[int, ...], expected: tuple[int | None, ...]) -> bool:
    return len(shape) == len(expected) and all(
        want is None or have == want for have, want in zip(shape, expected, strict=True)
    )


def _shape_error(
    value: np.ndarray, spec: TensorSpec, origin: str, *, preprocessed: bool
) -> InputError:
    swapped = value.ndim == 4 and any(
        _same_shape(tuple(value.shape[axis] for axis in order), spec.shape)
        for order in ((0, 3, 1, 2), (0, 2, 3, 1))
    )
    if swapped:
        remedy = "The axes are in the other order: set the layout step of the preprocessing"
        remedy += "." if preprocessed else " and pass it with --preprocess."
    elif preprocessed:
        remedy = "Change the preprocessing (resize, center_crop, color, layout) to give that shape."
    else:
        remedy = (
            "Pass --preprocess with the steps that make it so, or store the data in that shape."
        )
    given = "after preprocessing, is" if preprocessed else "is"
    return InputError(
        f"{origin} {given} {value.dtype} {_text(value.shape)}; the model's input '{spec.name}' is "
        f"{spec.dtype} {_text(spec.shape)}.",
        remedy,
    )


def _text(shape: tuple[int | None, ...]) -> str:
    return "x".join("?" if size is None else str(size) for size in shape) or "scalar"
