"""An artifact's engine made to look like the source model: names, axis order and element types.

Knows tensor specs; must not know what is done with the outputs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgeml_runtime.engines import Engine
from edgeml_runtime.errors import InputError
from edgeml_runtime.tensors import Quantization, TensorSpec

Runner = Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]
"""A model as a function: inputs by name to outputs by name, in the source layout and types."""

Order = tuple[int, ...]
NCHW_TO_NHWC: Order = (0, 2, 3, 1)
NHWC_TO_NCHW: Order = (0, 3, 1, 2)


@dataclass(frozen=True)
class _Port:
    """One tensor: as the source has it, as the artifact has it, and the axis order between them."""

    source: TensorSpec
    artifact: TensorSpec
    to_artifact: Order | None

    def feed(self, value: np.ndarray) -> np.ndarray:
        """Return a source input as the artifact takes it."""
        if self.to_artifact is not None and value.ndim == len(self.to_artifact):
            value = np.ascontiguousarray(value.transpose(self.to_artifact))
        if value.dtype.name == self.artifact.dtype:
            return value
        if self.artifact.quantization is not None and value.dtype.kind == "f":
            return _quantized(value, self.artifact.quantization, np.dtype(self.artifact.dtype))
        return value.astype(self.artifact.dtype)

    def fetch(self, value: np.ndarray) -> np.ndarray:
        """Return an artifact output as the source gives it."""
        dtype = np.dtype(self.source.dtype)
        quantization = self.artifact.quantization
        if value.dtype != dtype and quantization is not None and dtype.kind == "f":
            scale, zero_point = np.float32(quantization.scale), quantization.zero_point
            value = (value.astype(np.int32) - zero_point).astype(np.float32) * scale
        if self.to_artifact is not None and value.ndim == len(self.to_artifact):
            value = np.ascontiguousarray(value.transpose(np.argsort(self.to_artifact)))
        return value.astype(dtype, copy=False)


def artifact_runner(
    engine: Engine, source_inputs: Sequence[TensorSpec], source_outputs: Sequence[TensorSpec]
) -> Runner:
    """Return *engine* as a function with the source's names, axis order and element types.

    Tensors are matched by name, or by position when the names are not the source's. The axis order
    of a rank-4 tensor follows from the sizes; where they fit both ways, from the layouts. Quantized
    inputs and outputs are converted from and to real values.

    Raises:
        InputError: The engine has another number of inputs or outputs.
    """
    feed = artifact_feeder(source_inputs, engine.inputs)
    outputs = _ports("output", source_outputs, engine.outputs)

    def run(sample: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        results = engine.run(feed(sample))
        return {port.source.name: port.fetch(results[port.artifact.name]) for port in outputs}

    return run


def artifact_feeder(
    source_inputs: Sequence[TensorSpec], artifact_inputs: Sequence[TensorSpec]
) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """Return what turns a sample of the source into one of an artifact; see ``artifact_runner``.

    Raises:
        InputError: The artifact has another number of inputs.
    """
    ports = _ports("input", source_inputs, artifact_inputs)
    return lambda sample: {
        port.artifact.name: port.feed(sample[port.source.name]) for port in ports
    }


def port_positions(
    kind: str, source: Sequence[TensorSpec], artifact: Sequence[TensorSpec]
) -> tuple[tuple[int, int], ...]:
    """Return the positions of the tensors that belong together; see ``artifact_runner``.

    Args:
        kind: ``input`` or ``output``, for the message.
        source: The source's tensors.
        artifact: As many tensors of the artifact.

    Raises:
        InputError: There are not as many.
    """
    places = {spec.name: at for at, spec in enumerate(artifact)}
    ports = _ports(kind, source, artifact)
    return tuple((at, places[port.artifact.name]) for at, port in enumerate(ports))


def _ports(
    kind: str, source: Sequence[TensorSpec], artifact: Sequence[TensorSpec]
) -> tuple[_Port, ...]:
    if len(source) != len(artifact):
        raise InputError(
            f"The source has {len(source)} {kind}s and the other model {len(artifact)}.",
            "Compare two forms of the same model.",
        )
    by_name = {spec.name: spec for spec in artifact}
    if all(spec.name in by_name for spec in source):
        artifact = [by_name[spec.name] for spec in source]
    return tuple(
        _Port(mine, theirs, _axis_order(mine, theirs))
        for mine, theirs in zip(source, artifact, strict=True)
    )


def _axis_order(source: TensorSpec, artifact: TensorSpec) -> Order | None:
    """Return how to transpose from the source to the artifact, or None for not at all."""
    if len(source.shape) != 4 or len(artifact.shape) != 4:
        return None
    order = NHWC_TO_NCHW if source.layout == "NHWC" else NCHW_TO_NHWC
    straight = _fits(source.shape, artifact.shape)
    turned = _fits(tuple(source.shape[axis] for axis in order), artifact.shape)
    if straight == turned:
        layouts = {source.layout, artifact.layout}
        turned = layouts == {"NCHW", "NHWC"}
    return order if turned else None


def _fits(shape: tuple[int | None, ...], other: tuple[int | None, ...]) -> bool:
    return all(
        mine is None or theirs is None or mine == theirs
        for mine, theirs in zip(shape, other, strict=True)
    )


def _quantized(value: np.ndarray, quantization: Quantization, dtype: np.dtype) -> np.ndarray:
    limits = np.iinfo(dtype)
    steps = np.rint(value / np.float32(quantization.scale)) + quantization.zero_point
    clipped: np.ndarray = np.clip(steps, limits.min, limits.max)
    return clipped.astype(dtype)
