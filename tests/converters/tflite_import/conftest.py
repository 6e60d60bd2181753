"""Builds TFLite files of a few operators, and holds their imports to LiteRT."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
import onnx_ir as ir
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeml_converters.graph import optimize, serialize_onnx
from edgeml_converters.tflite_import import import_tflite
from edgeml_runtime.engines import open_engine

TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "float16": schema.TensorType.FLOAT16,
    "int8": schema.TensorType.INT8,
    "int16": schema.TensorType.INT16,
    "int32": schema.TensorType.INT32,
    "int64": schema.TensorType.INT64,
    "uint8": schema.TensorType.UINT8,
    "bool": schema.TensorType.BOOL,
    "resource": schema.TensorType.RESOURCE,
}


@dataclass
class File:
    """A TFLite file in the making; every method returns the number of the tensor it adds."""

    tensors: list[Any] = field(default_factory=list)
    buffers: list[Any] = field(default_factory=lambda: [schema.BufferT()])
    operators: list[Any] = field(default_factory=list)
    codes: list[tuple[str, str, int]] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)

    def tensor(
        self,
        shape: Sequence[int],
        dtype: str = "float32",
        *,
        quantized: tuple[Sequence[float], Sequence[int], int] | None = None,
        data: np.ndarray | None = None,
        free: Sequence[int] = (),
    ) -> int:
        """Add a tensor; ``quantized`` is scales, zero points and the quantized dimension."""
        entry = schema.TensorT()
        entry.name, entry.type = f"t{len(self.tensors)}", TYPES[dtype]
        entry.shape, entry.hasRank = np.array(shape, np.int32), True
        if free:
            entry.shapeSignature = np.array(
                [-1 if axis in free else size for axis, size in enumerate(shape)], np.int32
            )
        if quantized is not None:
            entry.quantization = schema.QuantizationParametersT()
            entry.quantization.scale = np.array(quantized[0], np.float32)
            entry.quantization.zeroPoint = np.array(quantized[1], np.int64)
            entry.quantization.quantizedDimension = quantized[2]
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            entry.buffer = len(self.buffers)
            self.buffers.append(buffer)
        self.tensors.append(entry)
        return len(self.tensors) - 1

    def input(self, shape: Sequence[int], dtype: str = "float32", **parts: Any) -> int:  # noqa: ANN401 - those of `tensor`
        """Add an input of the model."""
        self.inputs.append(self.tensor(shape, dtype, **parts))
        return self.inputs[-1]

    def constant(self, numbers: Any, dtype: str = "float32", **parts: Any) -> int:  # noqa: ANN401 - what numpy takes
        """Add a constant."""
        array = np.array(numbers, dtype)
        return self.tensor(array.shape, dtype, data=array, **parts)

    def op(
        self,
        code: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        options: str = "",
        version: int = 1,
        **values: Any,  # noqa: ANN401 - the fields of the options
    ) -> None:
        """Add an operator; ``values`` are the fields of its options, as the schema names them."""
        entry = schema.OperatorT()
        builtin, _, custom = code.partition(":")
        key = (builtin, custom, version)
        if key not in self.codes:
            self.codes.append(key)
        entry.opcodeIndex = self.codes.index(key)
        entry.inputs, entry.outputs = list(inputs), list(outputs)
        if options:
            entry.builtinOptionsType = getattr(schema.BuiltinOptions, options)
            entry.builtinOptions = getattr(schema, f"{options}T")()
            for name, value in values.items():
                setattr(entry.builtinOptions, name, value)
        self.operators.append(entry)

    def finish(self, *outputs: int) -> bytes:
        """Return the file."""
        graph = schema.SubGraphT()
        graph.tensors, graph.operators = self.tensors, self.operators
        graph.inputs, graph.outputs = self.inputs, list(outputs)
        model = schema.ModelT()
        model.version, model.subgraphs, model.buffers = 3, [graph], self.buffers
        model.operatorCodes = [self._code(*key) for key in self.codes]
        builder = flatbuffers.Builder(1 << 12)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    @staticmethod
    def _code(builtin: str, custom: str, version: int) -> Any:  # noqa: ANN401 - untyped bindings
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, builtin)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = version
        if custom:
            code.customCode = custom
        return code


@dataclass(frozen=True)
class Imported:
    """An imported file, what it gave in onnxruntime, and what the file gave in LiteRT."""

    model: ir.Model
    results: Mapping[str, np.ndarray]
    expected: Mapping[str, np.ndarray]

    @property
    def ops(self) -> list[str]:
        """The operators of the optimized graph, in order."""
        return [node.op_type for node in self.model.graph]


def run_both(data: bytes, feeds: Mapping[str, np.ndarray] | None = None) -> Imported:
    """Import a file and run it and its import on the same seeded inputs."""
    original = open_engine("litert-builtin", data)
    sizes = {spec.name: tuple(size or 1 for size in spec.shape) for spec in original.inputs}
    model = optimize(import_tflite(data, "net.tflite", sizes))
    imported = open_engine("onnxruntime", serialize_onnx(model))
    assert [spec.name for spec in imported.inputs] == [spec.name for spec in original.inputs]
    given = feeds or {
        spec.name: _numbers(sizes[spec.name], np.dtype(spec.dtype), number)
        for number, spec in enumerate(original.inputs)
    }
    return Imported(model, imported.run(given), original.run(given))


def _numbers(shape: tuple[int, ...], dtype: np.dtype, seed: int) -> np.ndarray:
    rng = np.random.default_rng([7, seed])
    if dtype.kind == "f":
        return rng.uniform(0.1, 2.0, shape).astype(dtype)  # where logarithms and roots are defined
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(dtype)
    low, high = (-128, 128) if dtype == np.int8 else (0, 4)
    return rng.integers(low, high, shape).astype(dtype)


def assert_same(
    data: bytes, feeds: Mapping[str, np.ndarray] | None = None, *, steps: int = 0
) -> Imported:
    """Assert equal shapes, types and values: 1e-5 of the range, or *steps* of integers."""
    imported = run_both(data, feeds)
    assert imported.results.keys() == imported.expected.keys()
    for name, expected in imported.expected.items():
        result = imported.results[name]
        assert (result.shape, result.dtype) == (expected.shape, expected.dtype), name
        difference = np.abs(result.astype(np.float64) - expected.astype(np.float64))
        span = max(float(np.ptp(expected.astype(np.float64))), float(np.abs(expected).max()), 1e-6)
        limit = 1e-5 * span if expected.dtype.kind == "f" else steps
        assert float(difference.max(initial=0.0)) <= limit, name
    return imported


@pytest.fixture
def tflite() -> File:
    """An empty file."""
    return File()


@pytest.fixture
def same() -> Callable[..., Imported]:
    """Imports a file, asserts parity with LiteRT, returns the import."""
    return assert_same


@pytest.fixture
def both() -> Callable[..., Imported]:
    """Imports a file and runs it and its import."""
    return run_both
