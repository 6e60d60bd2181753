"""A PyTorch network as a function of named arrays, and in the form that exporters want.

Must not know where the network is from, nor ONNX.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from worker_frames import Arrays, UserError  # type: ignore[import-not-found]  # lies beside

Arrangement = Callable[[Sequence[Any]], tuple[Sequence[Any], Mapping[str, Any]]]
"""From the inputs in a row to the positional and keyword arguments of the network."""


@dataclass(frozen=True)
class Input:
    """One input: its name, its sizes, and its element type as numpy calls it."""

    name: str
    shape: tuple[int, ...]
    dtype: str


class Network(torch.nn.Module):  # type: ignore[misc]  # torch is not installed for mypy
    """The user's network with its inputs in a row and its outputs in a tuple.

    Args:
        module: What is called.
        arrange: How it is called.
        names: The names of the inputs, which no output may have too.
    """

    def __init__(self, module: torch.nn.Module, arrange: Arrangement, names: Sequence[str]) -> None:
        super().__init__()
        self.module = module
        self.arrange = arrange
        self.names = tuple(names)
        self.training = False  # and not eval(): a loaded program refuses to be asked

    @property
    def scripted(self) -> bool:
        """Whether the module is TorchScript, which only the older exporter reads."""
        return isinstance(self.module, torch.jit.ScriptModule)

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the outputs in the order of `outputs`."""
        return tuple(self.outputs(*tensors).values())

    def outputs(self, *tensors: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the outputs by name."""
        arguments, keywords = self.arrange(tensors)
        found = dict(_flattened("output", self.module(*arguments, **keywords), top=True))
        return {f"{n}_output" if n in self.names else n: value for n, value in found.items()}


@dataclass(frozen=True)
class Model:
    """A network that is ready to be called and exported.

    Args:
        network: The network, in eval mode, on the CPU.
        inputs: Its inputs.
        example: Values by input that the model's author gave, if any.
        batch: Whether the first axis of all inputs may be a batch that is left free.
        notes: What the user should know.
    """

    network: Network
    inputs: tuple[Input, ...]
    example: Arrays
    batch: bool
    notes: tuple[str, ...] = ()

    def run(self, arrays: Arrays) -> dict[str, np.ndarray]:
        """Return the outputs by name."""
        with torch.no_grad():
            outputs = self.network.outputs(*self.tensors(arrays))
        return {name: value.detach().cpu().numpy() for name, value in outputs.items()}

    def tensors(self, arrays: Arrays) -> tuple[torch.Tensor, ...]:
        """Return the inputs as the network takes them; it may write to them."""
        return tuple(torch.from_numpy(np.array(arrays[item.name])) for item in self.inputs)


def batch_of_one(inputs: Sequence[Input]) -> bool:
    """Return whether all inputs have a first axis of 1, as a batch has that may stay free."""
    return all(item.shape[:1] == (1,) for item in inputs)


def _flattened(name: str, value: object, *, top: bool = False) -> Iterator[tuple[str, Any]]:
    """Yield the tensors in what a network returned, named by their place in it."""
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flattened(str(key) if top else f"{name}_{key}", item)
    elif isinstance(value, (tuple, list)):
        for index, item in enumerate(value):
            yield from _flattened(f"{name}_{index}", item)
    elif value is not None:
        raise UserError(
            f"The network returns a {type(value).__name__} as '{name}'.",
            "Return tensors: one, or a tuple or dict of them.",
        )
