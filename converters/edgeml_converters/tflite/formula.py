"""Formulas: a function written as several TFLite operators, with tensors between them.

Shapes follow by broadcasting; options are those without which the operator does nothing more.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.program import Option, Tensor

_ACTIVATED = ("ADD", "SUB", "MUL", "DIV")
_TESTS = ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")


class Formula:
    """Writes the operators of one formula.

    Args:
        emit: The program.
        target: The tensor that the last operator writes; others are named after it.
    """

    def __init__(self, emit: Emitter, target: Tensor) -> None:
        self.emit = emit
        self.target = target

    @classmethod
    @contextmanager
    def floating(
        cls, emit: Emitter, source: Tensor, target: Tensor
    ) -> Iterator[tuple["Formula", Tensor]]:
        """Give a formula over float32 for a tensor of float32, or of float16 by conversion."""
        if source.dtype != np.float16:
            yield cls(emit, target), source
            return
        wide = emit.tensor(f"{target.name}/wide", target.shape, np.dtype(np.float32))
        yield cls(emit, wide), emit.cast(source, np.dtype(np.float32))
        emit.cast_into(wide, target)

    def number(self, value: float, dtype: np.dtype | None = None) -> Tensor:
        """Return a constant without axes."""
        kind = np.dtype(np.float32) if dtype is None else dtype
        return self.emit.constant(f"{self.target.name}/constant", np.array(value, kind))

    def filled(self, like: Tensor, value: float) -> Tensor:
        """Return a constant of the shape of another tensor, for operators that do not broadcast."""
        return self.emit.constant(
            f"{self.target.name}/filled", np.full(like.shape, value, like.dtype)
        )

    def make(self, code: str, *inputs: Tensor) -> Tensor:
        """Append an operator; return its result, of the type of its last input."""
        return self._append(code, inputs, inputs[-1].dtype)

    def test(self, code: str, *inputs: Tensor) -> Tensor:
        """Append an operator whose result is true or false."""
        return self._append(code, inputs, np.dtype(np.bool_))

    def into(self, code: str, *inputs: Tensor) -> None:
        """Append the operator that writes the target."""
        self.emit.operator(code, list(inputs), [self.target], **_options(code))

    def _append(self, code: str, inputs: tuple[Tensor, ...], dtype: np.dtype) -> Tensor:
        shape = np.broadcast_shapes(*(tensor.shape for tensor in inputs))
        result = self.emit.tensor(f"{self.target.name}/{code.lower()}", shape, dtype)
        self.emit.operator(code, list(inputs), [result], **_options(code))
        return result


def _options(code: str) -> dict[str, Option]:
    return {"fused_activation_function": "NONE"} if code in _ACTIVATED else {}
