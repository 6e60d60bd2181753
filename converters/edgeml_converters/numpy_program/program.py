"""A program for the engine ``numpy`` while it is written, and its file."""

import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.constants import constant_array
from edgeml_runtime.engines.numpy_engine import DTYPES, SCHEMA
from edgeml_runtime.tensors import TensorSpec

_ALIGNMENT: Final = 8
_NAMES: Final = {dtype.name: name for name, dtype in DTYPES.items()}
NUMBERS: Final = frozenset(_NAMES)
"""The element types of arrays in a file."""

Operand = str | np.ndarray
"""The name of a value, or a constant."""


class NoFormError(Exception):
    """A node has no form in NumPy; says why, as the end of a sentence."""


class Program:
    """Arrays and the steps over them, in their order."""

    def __init__(self) -> None:
        self._arrays: dict[str, np.ndarray] = {}
        self._steps: list[dict[str, Any]] = []
        self._renamed: dict[str, str] = {}
        self.texts: dict[str, tuple[str, ...]] = {}  # by values that stand for text, as indices

    def step(self, op: str, *reads: Operand, out: str | None = None, **options: Any) -> str:  # noqa: ANN401 - JSON
        """Add a step and return the name of what it makes.

        Args:
            op: A key of ``numpy_engine.OPS``.
            reads: What it works on.
            out: The name; a new one if left out.
            options: Those of the operator, as JSON.
        """
        entry: dict[str, Any] = {"op": op, "in": [self._named(operand) for operand in reads]}
        entry["out"] = out or f"#{len(self._steps)}"
        if options:
            entry["with"] = options
        self._steps.append(entry)
        return str(entry["out"])

    def alias(self, name: str, out: str) -> None:
        """Let *out* be another name of the value *name*."""
        self._renamed[out] = self._renamed.get(name, name)

    def value(self, value: ir.Value) -> str:
        """Return the name of a value of the graph, its array added where it is a constant."""
        name = value.name or ""
        array = constant_array(value)
        if array is None or name in self._arrays or name in self._renamed:
            return self._renamed.get(name, name)
        self.alias(self._named(array), name)
        return self._renamed[name]

    def serialize(self, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> bytes:
        """Return the file, a safetensors file with the program in its metadata."""
        for spec in outputs:
            if spec.name in self._renamed:  # a step makes what has the name that is asked for
                self.step("array", self._renamed[spec.name], out=spec.name)
        program = {
            "inputs": [spec.to_json() for spec in inputs],
            "outputs": [spec.to_json() for spec in outputs],
            "arrays": list(self._arrays),
            "steps": self._steps,
        }
        header: dict[str, Any] = {"__metadata__": {SCHEMA: _json(program)}}
        end = 0
        bodies = []
        # The larger elements first, so that each array lies at a multiple of its own size.
        for name, array in sorted(self._arrays.items(), key=lambda item: -item[1].itemsize):
            bodies.append(array.astype(array.dtype.newbyteorder("<")).tobytes())
            header[name] = {
                "dtype": _NAMES[array.dtype.name],
                "shape": list(array.shape),
                "data_offsets": [end, end + array.nbytes],
            }
            end += array.nbytes
        head = _json(header).encode()
        head += b" " * (-len(head) % _ALIGNMENT)
        return b"".join((len(head).to_bytes(8, "little"), head, *bodies))

    def _named(self, operand: Operand) -> str:
        if isinstance(operand, str):
            return self._renamed.get(operand, operand)
        if operand.dtype == np.bool_:
            return self.step("array", operand.astype(np.uint8), dtype="bool")
        if operand.dtype.name not in NUMBERS:
            raise NoFormError(f"holds a constant of {operand.dtype}")
        for name, array in self._arrays.items():
            same = array.dtype == operand.dtype and array.shape == operand.shape
            if same and array.tobytes() == operand.tobytes():
                return name
        name = f"@{len(self._arrays)}"
        self._arrays[name] = np.ascontiguousarray(operand).reshape(operand.shape)
        return name


def _json(document: object) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
