"""Reads a TFLite file into the program that the writer makes: the inverse of its serialization.

Schema: tensorflow/lite/schema/schema.fbs, version 3, in the bindings that ship with ai-edge-litert,
which have no types.
"""

import re
import struct
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgeml_converters.inspection.tflite_document import StoredModel, read_model
from edgeml_converters.tflite.program import Affine, Operator, Option, Program, Tensor
from edgeml_runtime.errors import InputError, UnsupportedError

_DAMAGE = (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError, struct.error)
"""What the bindings raise where offsets or sizes point outside the file."""

OPAQUE = np.dtype(object)
"""The type of tensors that hold no numbers: strings, resources, variants."""

_DTYPES = {
    schema.TensorType.BOOL: "bool",
    schema.TensorType.COMPLEX64: "complex64",
    schema.TensorType.FLOAT16: "float16",
    schema.TensorType.FLOAT32: "float32",
    schema.TensorType.FLOAT64: "float64",
    schema.TensorType.INT4: "int8",
    schema.TensorType.INT8: "int8",
    schema.TensorType.INT16: "int16",
    schema.TensorType.INT32: "int32",
    schema.TensorType.INT64: "int64",
    schema.TensorType.UINT8: "uint8",
    schema.TensorType.UINT16: "uint16",
    schema.TensorType.UINT32: "uint32",
    schema.TensorType.UINT64: "uint64",
}

# Option values that the schema gives names, by the field they stand in.
_NAMED_OPTIONS = {
    "padding": schema.Padding,
    "fused_activation_function": schema.ActivationFunctionType,
    "mode": schema.MirrorPadMode,
}


def read_program(data: bytes, path: str) -> tuple[Program, list[Tensor]]:
    """Return the main graph of the TFLite file *data*, and its tensors in the order of the file.

    Names of inputs and outputs are those of the file's only signature, else of the tensors. A free
    size is 1. Options have the names of the schema, in snake case; 4-bit values take 8 bits.

    Args:
        data: The bytes of the file.
        path: What to call it.

    Raises:
        InputError: It is no TFLite model, or a damaged one.
        UnsupportedError: It has sparse weights.
    """
    stored = read_model(data, path)  # follows every offset once, with its errors
    try:
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data))
        tensors = [_tensor(entry, model.buffers, data) for entry in model.subgraphs[0].tensors]
        return _program(model, stored, tensors), tensors
    except _DAMAGE as error:
        raise InputError(
            f"'{path}' is truncated or damaged: its tables point outside the file.",
            "Convert or copy the model again.",
        ) from error


def _program(model: Any, stored: StoredModel, tensors: list[Tensor]) -> Program:  # noqa: ANN401 - untyped bindings
    graph = stored.graphs[0]
    operators = [
        Operator(
            entry.name,
            [None if at < 0 else tensors[at] for at in entry.inputs],
            [tensors[at] for at in entry.outputs],
            _options(table.builtinOptions),
        )
        for entry, table in zip(graph.operators, model.subgraphs[0].operators or [], strict=True)
    ]
    inputs = [(stored.input_names.get(at) or tensors[at].name, tensors[at]) for at in graph.inputs]
    outputs = [
        (stored.output_names.get(at) or tensors[at].name, tensors[at]) for at in graph.outputs
    ]
    return Program(operators, inputs, outputs)


def _tensor(entry: Any, buffers: list[Any], data: bytes) -> Tensor:  # noqa: ANN401 - untyped bindings
    name = (entry.name or b"").decode()
    if entry.sparsity is not None:
        raise UnsupportedError(
            f"The weights '{name}' are stored sparse, which has no form in the graph.",
            "Convert the model without sparsity, or bundle it as it is with --to tflite.",
        )
    shape = tuple(int(size) for size in _listed(entry.shape))
    dtype = np.dtype(_DTYPES[entry.type]) if entry.type in _DTYPES else OPAQUE
    raw = _raw(buffers[entry.buffer], data)
    array = None
    if raw is not None and dtype != OPAQUE:
        if entry.type == schema.TensorType.INT4:
            raw = _unpacked(raw, int(np.prod(shape)))
        array = raw.view(dtype).reshape(shape)
    return Tensor(name, shape, dtype, array, _affine(entry.quantization))


def _raw(buffer: Any, data: bytes) -> np.ndarray | None:  # noqa: ANN401 - untyped bindings
    if buffer.data is not None and len(buffer.data):
        return np.asarray(buffer.data, np.uint8)
    if buffer.size:  # the values follow the tables, as in files above 2 GiB
        return np.frombuffer(data, np.uint8, buffer.size, buffer.offset)
    return None


def _unpacked(raw: np.ndarray, count: int) -> np.ndarray:
    """Return 4-bit values, the lower half of a byte first, as int8."""
    halves = np.stack([raw << 4, raw], axis=-1).reshape(-1).view(np.int8)
    return (halves >> 4)[:count].view(np.uint8)


def _affine(entry: Any) -> Affine | None:  # noqa: ANN401 - untyped bindings
    if entry is None or not len(_listed(entry.scale)):
        return None
    scale = tuple(float(number) for number in entry.scale)
    zeros = tuple(int(number) for number in _listed(entry.zeroPoint))
    if len(zeros) != len(scale):
        zeros = (zeros[0] if zeros else 0,) * len(scale)
    return Affine(scale, zeros, int(entry.quantizedDimension))


def _options(table: Any) -> dict[str, Option]:  # noqa: ANN401 - untyped bindings
    options = {} if table is None else vars(table)
    keys = {field: re.sub(r"[A-Z]", lambda c: f"_{c[0].lower()}", field) for field in options}
    return {
        keys[field]: _option(keys[field], value)
        for field, value in options.items()
        if value is not None
    }


def _option(key: str, value: Any) -> Option:  # noqa: ANN401 - untyped bindings
    if isinstance(value, np.ndarray):
        return [int(number) for number in value]
    named = key in _NAMED_OPTIONS and isinstance(value, int)
    option: Option = _name_of(_NAMED_OPTIONS[key], value) if named else value
    return option


def _name_of(names: type, value: int) -> str:
    return next(name for name, code in vars(names).items() if code == value and name[0] != "_")


def _listed(vector: Any) -> Any:  # noqa: ANN401 - None, a list or an array
    return () if vector is None else vector
