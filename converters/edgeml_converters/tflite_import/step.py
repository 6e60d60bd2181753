"""One TFLite operator as the importer sees it: inputs that must be there, constants, options."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.program import Operator, Option, Tensor


@dataclass(frozen=True, eq=False)
class Step:
    """An operator and its number in the file."""

    operator: Operator
    number: int

    @property
    def name(self) -> str:
        """The name of the first tensor it writes; the file names no operators."""
        outputs = self.operator.outputs
        return outputs[0].name if outputs else f"operator {self.number}"

    @property
    def output(self) -> Tensor:
        """The first tensor it writes."""
        return self.operator.outputs[0]

    def has(self, index: int) -> bool:
        """Whether an input is given."""
        inputs = self.operator.inputs
        return index < len(inputs) and inputs[index] is not None

    def input(self, index: int = 0) -> Tensor:
        """Return an input that must be there."""
        inputs = self.operator.inputs
        tensor = inputs[index] if index < len(inputs) else None
        if tensor is None:
            raise Refusal(f"its input {index} is missing")
        return tensor

    def constant(self, index: int) -> np.ndarray:
        """Return the stored values of an input that must be constant."""
        tensor = self.input(index)
        if tensor.data is None:
            raise Refusal(f"its input '{tensor.name}' is computed from the model's inputs")
        return tensor.data

    def integers(self, index: int) -> tuple[int, ...]:
        """Return a constant input as plain numbers, such as axes or sizes."""
        return tuple(int(number) for number in self.constant(index).reshape(-1))

    def computed_inputs(self) -> Iterator[Tensor]:
        """Yield the inputs that depend on the model's inputs."""
        for tensor in self.operator.inputs:
            if tensor is not None and tensor.data is None:
                yield tensor

    def option(self, name: str, default: Option) -> Option:
        """Return an option, by its name in the schema, in snake case."""
        return self.operator.options.get(name, default)

    def flag(self, name: str) -> bool:
        """Return an option that is true or false."""
        return bool(self.option(name, False))

    def number_of(self, name: str, default: int) -> int:
        """Return an option that is a whole number."""
        value = self.option(name, default)
        assert isinstance(value, int), name
        return value
