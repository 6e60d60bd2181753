"""A model as the tensors that it computes, whatever its format: what is matched and compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from edgeml_converters.layers.weights import Weights
from edgeml_runtime.tensors import TensorSpec

INPUT = "Input"
"""The operator of what is fed."""

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Grid:
    """The real values that a quantized tensor can hold: ``scale * (q - zero_point)``.

    Args:
        scale: The step.
        zero_point: The integer that stands for 0.
        dtype: The numpy name of the integer type.
    """

    scale: float
    zero_point: int
    dtype: str

    @property
    def ends(self) -> tuple[float, float]:
        """The smallest and the largest real value."""
        limits = np.iinfo(self.dtype)
        return (
            self.scale * (int(limits.min) - self.zero_point),
            self.scale * (int(limits.max) - self.zero_point),
        )

    def quantize(self, values: np.ndarray) -> np.ndarray:
        """Return the integers nearest to real values."""
        limits = np.iinfo(self.dtype)
        steps = np.rint(values / np.float32(self.scale)) + self.zero_point
        return np.asarray(np.clip(steps, limits.min, limits.max), self.dtype)

    def dequantize(self, integers: np.ndarray) -> np.ndarray:
        """Return the real values of integers, as float32."""
        steps = integers.astype(np.int32) - self.zero_point
        return np.asarray(steps.astype(np.float32) * np.float32(self.scale))


@dataclass(frozen=True)
class LayerTensor:
    """A tensor of real numbers that depends on the inputs.

    A float tensor that is only rounded on its way to its readers is one with what they read.

    Args:
        name: The file's name for it.
        op: The type of the operator that makes it; ``INPUT`` for what is fed.
        shape: Its sizes, None where free; None when not even the rank is known.
        inputs: The positions of the tensors that the operator reads, once for each reading.
        handle: What the file's reader asks for: a value's name or a tensor's number.
        aliases: Other names of the same values in the file.
        grid: The values that it can hold, where it is quantized.
        node: The name of the operator, empty where it has none.
        activated: Whether the operator applies an activation to its result by itself.
    """

    name: str
    op: str
    shape: Shape | None
    inputs: tuple[int, ...]
    handle: str | int
    aliases: tuple[str, ...] = ()
    grid: Grid | None = None
    node: str = ""
    activated: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """All its names."""
        return (self.name, *self.aliases)


@dataclass(frozen=True)
class Network:
    """The tensors of a model in an order of execution, and which of them are its borders.

    Args:
        tensors: Every tensor after those it is made of.
        inputs: Positions of what is fed, in the order of the file; -1 where it is not real.
        outputs: Positions of what comes out, in the order of the file; -1 as above.
    """

    tensors: tuple[LayerTensor, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def readers(self) -> list[list[int]]:
        """Return for each tensor the positions of those made of it."""
        found: list[list[int]] = [[] for _ in self.tensors]
        for at, tensor in enumerate(self.tensors):
            for source in tensor.inputs:
                found[source].append(at)
        return found


class Taps(Protocol):
    """A model that runs and shows some of its intermediate tensors."""

    def run(
        self, inputs: Mapping[str, np.ndarray], given: Sequence[np.ndarray] = ()
    ) -> list[np.ndarray]:
        """Return the real values of the tensors asked for, in order, in the file's layout.

        Args:
            inputs: What the model is fed.
            given: The real values of the tensors that are cut, in order, in the file's layout.
        """

    def close(self) -> None:
        """Release the model."""


class LayeredModel(Protocol):
    """A file whose intermediate tensors can be read; a Protocol as each format has its own."""

    @property
    def network(self) -> Network:
        """Its tensors."""

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """What it is fed, as its engine says."""

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """What comes out, as its engine says."""

    def weights(self, position: int) -> Weights | None:
        """Return the integer weights with which the tensor at *position* is made, if it is."""

    def tap(self, positions: Sequence[int], cuts: Sequence[int] = ()) -> Taps:
        """Open the model so that it shows the tensors at *positions* of the network.

        Args:
            positions: What is shown.
            cuts: Tensors whose readers are given values in their place, rounded as the file does:
                what is shown is then the work of a layer alone.
        """
