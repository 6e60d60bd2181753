"""`edgeml.compare`: parity of two artifacts, and of their layers."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeml.pipeline.formats import FORMATS
from edgeml.pipeline.plan import read_pipeline
from edgeml_converters.data import Dataset, open_data, synthetic_data
from edgeml_converters.layers import (
    LayerComparison,
    LayeredModel,
    OnnxLayers,
    TfliteLayers,
    compare_layers,
)
from edgeml_converters.sources import load_source
from edgeml_converters.verify import Parity, artifact_runner, verify
from edgeml_runtime.engines import Engine, open_engine
from edgeml_runtime.errors import GateError, InputError
from edgeml_runtime.progress import Progress, silent
from edgeml_runtime.tensors import TensorSpec

DEFAULT_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Comparison:
    """The result of `edgeml.compare`.

    Args:
        reference: The model that was held to be right.
        candidate: The model that was compared with it.
        inputs: In words, what both were fed.
        tolerance: Largest absolute error that passes, as a share of the reference's output range.
        parity: What was measured.
        layers: The same tensor by tensor, where it was asked for.
    """

    reference: Path
    candidate: Path
    inputs: str
    tolerance: float
    parity: Parity
    layers: LayerComparison | None = None

    @property
    def failures(self) -> tuple[GateError, ...]:
        """The gate, when it failed."""
        name, parity = self.candidate.name, self.parity
        if parity.failure is not None:
            return (GateError(parity.failure, "Check both models on these inputs."),)
        if parity.rel_range <= self.tolerance:
            return ()
        return (
            GateError(
                f"{name} differs from {self.reference.name} by {parity.rel_range:.2e} of the "
                f"output range; the tolerance is {self.tolerance:g}.",
                "Allow more with --tolerance if that is expected, as it is of int8.",
            ),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the ``edgeml.compare/1`` document."""
        return {
            "schema": "edgeml.compare/1",
            "reference": str(self.reference),
            "candidate": str(self.candidate),
            "inputs": self.inputs,
            "tolerance": self.tolerance,
            "parity": self.parity.to_json(),
            "passed": not self.failures,
            "failures": [failure.to_json() for failure in self.failures],
            **({} if self.layers is None else {"layers": self.layers.to_json()}),
        }


def compare(
    reference: Path | str,
    candidate: Path | str,
    *,
    data: str | None = None,
    preprocess: Path | None = None,
    tolerance: float = DEFAULT_TOLERANCE,
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
    layers: bool = False,
    progress: Progress = silent,
) -> Comparison:
    """Run two models on the same inputs.

    Args:
        reference: An .onnx or .tflite file; names and layout of the inputs are its.
        candidate: The file that is held against it.
        data: DATA as for `edgeml.convert`; seeded random inputs without it.
        preprocess: TOML file of the steps from a sample of *data* to the input.
        tolerance: Largest absolute error that passes, as a share of the reference's output range.
        input_shapes: Sizes of the reference's free axes, by input.
        layers: Also compare the intermediate tensors that both models have.
        progress: Told of each sample.

    Raises:
        InputError: A file or the data is wrong, or the models do not have the same tensors.
    """
    first, second = Path(reference), Path(candidate)
    with ExitStack() as stack:
        expected, inputs, outputs = _open_reference(first, input_shapes or {})
        stack.enter_context(closing(expected))
        found = stack.enter_context(closing(_open(second)))
        samples = _samples(data, preprocess, inputs)
        runner = artifact_runner(found, inputs, outputs)
        parity = verify(expected.run, runner, _reported(samples, progress))
        walked = None
        if layers:
            walked = compare_layers(
                _layered(first, expected, input_shapes or {}),
                _layered(second, found, {}),
                _Inputs(samples),
                tolerance,
                progress=progress,
                total=samples.size or 0,
            )
    words = "seeded random inputs" if samples.synthetic else samples.name
    return Comparison(first, second, words, tolerance, parity, walked)


@dataclass(frozen=True)
class _Inputs:
    """The inputs of samples, to be read again and again."""

    samples: Dataset

    def __iter__(self) -> Iterator[Mapping[str, np.ndarray]]:
        return (sample.inputs for sample in self.samples)


def _open_reference(
    path: Path, input_shapes: Mapping[str, tuple[int, ...]]
) -> tuple[Engine, tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    """Return the reference with its tensors; an ONNX file also tells which of them are images."""
    if path.suffix.lower() == ".onnx":
        source = load_source(str(path), input_shapes)
        return source.reference(), source.inputs, source.outputs
    engine = _open(path)
    return engine, engine.inputs, engine.outputs


def _layered(
    path: Path, engine: Engine, input_shapes: Mapping[str, tuple[int, ...]]
) -> LayeredModel:
    """Return the model at *path*, open in *engine*, with its intermediate tensors."""
    if path.suffix.lower() == ".tflite":
        return TfliteLayers(path, engine.inputs, engine.outputs)
    source = load_source(str(path), input_shapes)
    return OnnxLayers(source.graph, source.inputs, source.outputs)


def _open(path: Path) -> Engine:
    format_ = FORMATS.get(path.suffix.lower().removeprefix("."))
    if format_ is None:
        raise InputError(
            f"{path} is not a model that can be compared.",
            f"Give a file whose name ends in one of {', '.join(f'.{name}' for name in FORMATS)}.",
        )
    if not path.is_file():
        raise InputError(f"There is no file {path}.", "Check the path.")
    name = format_.verification_engine()
    try:
        return open_engine(name, path)
    except InputError as error:
        raise InputError(
            f"{path} cannot be loaded: {error.problem}",
            f"Give a whole .{format_.name} file that {name} can run.",
        ) from error


def _samples(data: str | None, preprocess: Path | None, inputs: tuple[TensorSpec, ...]) -> Dataset:
    if data is None and preprocess is not None:
        raise InputError("--preprocess has nothing to work on.", "Add --data, or leave it out.")
    if data is None:
        return synthetic_data(inputs)
    return open_data(data, inputs, None if preprocess is None else read_pipeline(preprocess))


def _reported(samples: Dataset, progress: Progress) -> Iterator[Mapping[str, np.ndarray]]:
    for done, sample in enumerate(samples, 1):
        yield sample.inputs
        progress("comparing", done, samples.size or 0)
