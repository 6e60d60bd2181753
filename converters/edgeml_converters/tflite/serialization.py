"""Serializes a program as a TFLite file, by the schema that ships in ai-edge-litert.

The file holds equal buffers once and starts each at a multiple of 16 bytes, as the schema demands
so that engines may map the file into memory. They follow after all else, so that they can be
written from where they are: weights are never copied to be put together. The same program gives
the same bytes.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgeml_converters.tflite.op_versions import minimum_runtime, op_entry, op_version
from edgeml_converters.tflite.program import Affine, Operator, Option, Program, Tensor

_FILE_IDENTIFIER = b"TFL3"
_SCHEMA_VERSION = 3
_ALIGNMENT_BYTES = 16
_LENGTH_BYTES = 4  # of a vector, before its data
_DATA_SLOT = 0  # of the table Buffer
_STAND_IN = 1  # any offset but 0, which would be left out
_COMPARED_BYTES = 256  # that tell most buffers apart

Bytes = bytes | bytearray | memoryview
# The runtime reads the version from a metadata buffer of this size.
_RUNTIME_VERSION_BYTES = 16

_TENSOR_TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "int32": schema.TensorType.INT32,
    "int64": schema.TensorType.INT64,
    "bool": schema.TensorType.BOOL,
    "int8": schema.TensorType.INT8,
    "uint8": schema.TensorType.UINT8,
    "float16": schema.TensorType.FLOAT16,
    "float64": schema.TensorType.FLOAT64,
    "int16": schema.TensorType.INT16,
    "uint16": schema.TensorType.UINT16,
    "uint32": schema.TensorType.UINT32,
    "uint64": schema.TensorType.UINT64,
}

# Option values that the schema gives names, by the field they stand in.
_NAMED_OPTIONS = {
    "padding": schema.Padding,
    "fused_activation_function": schema.ActivationFunctionType,
    "in_data_type": schema.TensorType,
    "out_data_type": schema.TensorType,
    "output_type": schema.TensorType,
    "mode": schema.MirrorPadMode,
}


class _LaterBuffer(schema.BufferT):  # type: ignore[misc]  # the schema is untyped
    """A buffer whose data are written after everything else."""

    field_from_end = 0  # where the offset of the data has to be put, from the end of the rest

    def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802 - overrides the schema's
        """Write the buffer, with a stand-in for the offset of its data, and return its own."""
        schema.BufferStart(builder)
        if self.data is not None and len(self.data):
            builder.PrependUint32Slot(_DATA_SLOT, _STAND_IN, 0)
            self.field_from_end = int(builder.Offset())
        return int(schema.BufferEnd(builder))


class _Buffers:
    """The buffers of a file; buffer 0 is the empty one, as the schema demands."""

    def __init__(self) -> None:
        self.entries = [_LaterBuffer()]
        self._known: dict[tuple[int, bytes], list[int]] = {}

    def index(self, data: np.ndarray) -> int:
        """Return the number of the buffer that holds these bytes."""
        raw = np.ascontiguousarray(data).reshape(-1).view(np.uint8)
        alike = self._known.setdefault((len(raw), raw[:_COMPARED_BYTES].tobytes()), [])
        for index in alike:
            if np.array_equal(self.entries[index].data, raw):
                return index
        alike.append(len(self.entries))
        buffer = _LaterBuffer()
        buffer.data = raw
        self.entries.append(buffer)
        return alike[-1]


DESCRIPTION = "edgeml"


def serialize(program: Program, description: str = DESCRIPTION) -> list[Bytes]:
    """Return the parts of the TFLite file of a program, to be written one after the other."""
    programs = list(program.programs())
    codes = list(
        dict.fromkeys((o.code, op_version(o)) for part in programs for o in part.operators)
    )
    buffers = _Buffers()
    file = _File(codes, {id(part): number for number, part in enumerate(programs)}, buffers)

    model = schema.ModelT()
    model.version = _SCHEMA_VERSION
    model.description = description
    model.operatorCodes = [_operator_code(*code) for code in codes]
    model.subgraphs = [_subgraph(part, file) for part in programs]
    model.signatureDefs = [_signature(program)]
    model.metadata = [_runtime_metadata(program, buffers)]
    model.buffers = buffers.entries

    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), _FILE_IDENTIFIER)
    return _with_data(builder.Output(), buffers.entries)


def _with_data(rest: bytearray, buffers: Sequence[_LaterBuffer]) -> list[Bytes]:
    """Return *rest*, with the offsets of the data of *buffers* put in, and these."""
    parts: list[Bytes] = [rest]
    position = len(rest)
    for buffer in buffers:
        if buffer.data is None or not len(buffer.data):
            continue
        gap = -(position + _LENGTH_BYTES) % _ALIGNMENT_BYTES
        field = len(rest) - buffer.field_from_end
        struct.pack_into("<I", rest, field, position + gap - field)
        parts += [bytes(gap) + struct.pack("<I", len(buffer.data)), buffer.data.data]
        position += gap + _LENGTH_BYTES + len(buffer.data)
    return parts


@dataclass(frozen=True)
class _File:
    """What the graphs of a file refer to.

    Args:
        codes: Operators and versions, by number.
        graphs: The number of each program's graph, by identity.
        buffers: The constants.
    """

    codes: list[tuple[str, int]]
    graphs: dict[int, int]
    buffers: _Buffers


def _subgraph(program: Program, file: _File) -> schema.SubGraphT:
    numbers = _numbers(program)
    number = file.graphs[id(program)]
    graph = schema.SubGraphT()
    graph.name = "main" if number == 0 else f"body_{number}"
    graph.tensors = [_tensor(tensor, file.buffers) for tensor in _tensors_of(program)]
    graph.inputs = [numbers[id(tensor)] for _, tensor in program.inputs]
    graph.outputs = [numbers[id(tensor)] for _, tensor in program.outputs]
    graph.operators = [_operator(o, file, numbers) for o in program.operators]
    return graph


def _numbers(program: Program) -> dict[int, int]:
    return {id(tensor): number for number, tensor in enumerate(_tensors_of(program))}


def _tensors_of(program: Program) -> list[Tensor]:
    """Return every tensor once: the inputs first, then as the operators use them."""
    tensors: dict[int, Tensor] = {id(tensor): tensor for _, tensor in program.inputs}
    for operator in program.operators:
        for tensor in (*operator.inputs, *operator.outputs):
            if tensor is not None:
                tensors.setdefault(id(tensor), tensor)
    for _, tensor in program.outputs:
        tensors.setdefault(id(tensor), tensor)
    return list(tensors.values())


def _tensor(tensor: Tensor, buffers: _Buffers) -> schema.TensorT:
    entry = schema.TensorT()
    entry.name = tensor.name
    entry.shape = np.array(tensor.shape, np.int32)
    entry.hasRank = True
    if tensor.signature is not None and tensor.signature != tensor.shape:
        entry.shapeSignature = np.array(tensor.signature, np.int32)
    entry.type = _TENSOR_TYPES[tensor.dtype.name]
    entry.buffer = 0 if tensor.data is None else buffers.index(tensor.data)
    if tensor.affine is not None:
        entry.quantization = _quantization(tensor.affine)
    return entry


def _quantization(affine: Affine) -> schema.QuantizationParametersT:
    entry = schema.QuantizationParametersT()
    entry.scale = np.array(affine.scale, np.float32)
    entry.zeroPoint = np.array(affine.zero_point, np.int64)
    entry.quantizedDimension = affine.axis
    return entry


def _operator_code(code: str, version: int) -> schema.OperatorCodeT:
    entry = schema.OperatorCodeT()
    entry.builtinCode = getattr(schema.BuiltinOperator, code)
    # Runtimes before 2.4 read the one-byte field only.
    placeholder = schema.BuiltinOperator.PLACEHOLDER_FOR_GREATER_OP_CODES
    entry.deprecatedBuiltinCode = min(entry.builtinCode, placeholder)
    entry.version = version
    return entry


def _operator(operator: Operator, file: _File, numbers: dict[int, int]) -> schema.OperatorT:
    entry = schema.OperatorT()
    entry.opcodeIndex = file.codes.index((operator.code, op_version(operator)))
    entry.inputs = [-1 if t is None else numbers[id(t)] for t in operator.inputs]
    entry.outputs = [numbers[id(tensor)] for tensor in operator.outputs]
    name = op_entry(operator.code).options
    if name:
        entry.builtinOptionsType = getattr(schema.BuiltinOptions, name)
        graphs = {option: file.graphs[id(body)] for option, body in operator.bodies.items()}
        entry.builtinOptions = _options(name, operator.options | graphs)
    return entry


def _options(name: str, values: dict[str, Option]) -> object:
    options = getattr(schema, f"{name}T")()
    for key, value in values.items():
        head, *rest = key.split("_")
        field = head + "".join(word.capitalize() for word in rest)
        assert hasattr(options, field), (name, field)
        stored = getattr(_NAMED_OPTIONS[key], value) if isinstance(value, str) else value
        setattr(options, field, stored)
    return options


def _signature(program: Program) -> schema.SignatureDefT:
    numbers = _numbers(program)
    signature = schema.SignatureDefT()
    signature.signatureKey = "serving_default"
    signature.subgraphIndex = 0
    signature.inputs = [_named(name, numbers[id(t)]) for name, t in program.inputs]
    signature.outputs = [_named(name, numbers[id(t)]) for name, t in program.outputs]
    return signature


def _named(name: str, number: int) -> schema.TensorMapT:
    entry = schema.TensorMapT()
    entry.name = name
    entry.tensorIndex = number
    return entry


def _runtime_metadata(program: Program, buffers: _Buffers) -> schema.MetadataT:
    text = minimum_runtime(program).encode().ljust(_RUNTIME_VERSION_BYTES, b"\0")
    entry = schema.MetadataT()
    entry.name = "min_runtime_version"
    entry.buffer = buffers.index(np.frombuffer(text, np.uint8))
    return entry
