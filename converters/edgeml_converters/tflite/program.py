"""A TFLite program in memory: tensors and operators. Knows nothing of ONNX nor of bytes."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

Option = int | float | bool | str | list[int]


@dataclass(frozen=True)
class Affine:
    """Quantization of a TFLite tensor: ``real = scale * (q - zero_point)``.

    Args:
        scale: One factor, or one for each index along ``axis``; exact float32 values.
        zero_point: As many as ``scale``.
        axis: The quantized dimension; without meaning for a single scale.
        dtype: The numpy name of the type of ``q``.
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int = 0
    dtype: str = "int8"

    @property
    def per_tensor(self) -> bool:
        """Whether one scale holds for the whole tensor."""
        return len(self.scale) == 1


@dataclass(eq=False)
class Tensor:
    """A tensor; ``data`` is set for constants. Compared by identity.

    ``signature`` is the shape with -1 where the size is open, for the ends of a program.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    data: np.ndarray | None = None
    affine: Affine | None = None
    signature: tuple[int, ...] | None = None


@dataclass(eq=False)
class Operator:
    """One operator; an input that is left out is ``None``. Compared by identity."""

    code: str
    inputs: list[Tensor | None]
    outputs: list[Tensor]
    options: dict[str, Option] = field(default_factory=dict)
    bodies: dict[str, "Program"] = field(default_factory=dict)
    """For control flow: the programs that it runs, by the name of the option that numbers them."""


@dataclass
class Program:
    """A graph, with the bodies of its operators; inputs and outputs are pairs of name and tensor.

    Of the main graph these names are the signature's.
    """

    operators: list[Operator] = field(default_factory=list)
    inputs: list[tuple[str, Tensor]] = field(default_factory=list)
    outputs: list[tuple[str, Tensor]] = field(default_factory=list)

    def readers(self, tensor: Tensor) -> list[Operator]:
        """Return the operators that read a tensor."""
        return [operator for operator in self.operators if tensor in operator.inputs]

    def programs(self) -> Iterator["Program"]:
        """Yield this program and, after it, every body of its operators and theirs."""
        yield self
        for operator in self.operators:
            for body in operator.bodies.values():
                yield from body.programs()
