"""The tables of a TFLite file as values, every offset followed once; never runs the model.

Schema: tensorflow/lite/schema/schema.fbs, version 3, in the bindings that ship with ai-edge-litert,
which have no types.
"""

import math
import struct
from dataclasses import dataclass
from mmap import mmap
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from edgeml_runtime.errors import InputError
from edgeml_runtime.tensors import Quantization

_DAMAGE = (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError, struct.error)
"""What the bindings raise where offsets or sizes point outside the file."""

_TYPES = {code: name for name, code in vars(schema.TensorType).items() if not name.startswith("_")}
_OPERATORS = {
    code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")
}


@dataclass(frozen=True)
class StoredTensor:
    """A tensor of a graph.

    Args:
        name: Its name.
        type: The schema's name of its type, such as ``FLOAT32``.
        shape: Its sizes; a free size is 1.
        free_axes: The axes whose size is chosen at run time.
        data_bytes: The size of the values in the file; 0 for activations.
        quantized: Whether it has scales.
        quantization: Its scale and zero point, where the whole tensor has one.
        variable: Whether its values last from one run to the next.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    free_axes: frozenset[int]
    data_bytes: int
    quantized: bool
    quantization: Quantization | None
    variable: bool = False


@dataclass(frozen=True)
class StoredOperator:
    """An operator; inputs and outputs are tensor positions, -1 for an input that is left out."""

    name: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class StoredGraph:
    """A graph; inputs and outputs are tensor positions."""

    tensors: tuple[StoredTensor, ...]
    operators: tuple[StoredOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class StoredModel:
    """A file.

    Args:
        schema_version: The version of the format.
        graphs: The main graph first.
        input_names: The signature's names by tensor, where the file has exactly one signature.
        output_names: As *input_names*.
        min_runtime_version: What the file's metadata says, or empty.
        description: What the file says of itself.
    """

    schema_version: int
    graphs: tuple[StoredGraph, ...]
    input_names: dict[int, str]
    output_names: dict[int, str]
    min_runtime_version: str
    description: str = ""


def read_model(data: bytes | mmap, path: str) -> StoredModel:
    """Return the TFLite model *data*; *path* is what to call it.

    Raises:
        InputError: It is no TFLite model, or a damaged one.
    """
    if data[4:8] != b"TFL3":
        raise InputError(
            f"'{path}' is not a TFLite model: it lacks the mark TFL3.", "Give a .tflite file."
        )
    try:
        return _Reader(data).model()
    except _DAMAGE as error:
        raise InputError(
            f"'{path}' is truncated or damaged: its tables point outside the file.",
            "Convert or copy the model again.",
        ) from error


class _Reader:
    """Follows the offsets of one file."""

    def __init__(self, data: bytes | mmap) -> None:
        self._size = len(data)
        self._model: Any = schema.Model.GetRootAs(data)

    def model(self) -> StoredModel:
        model = self._model
        codes = [self._code(index) for index in self._range(model.OperatorCodesLength())]
        graphs = tuple(self._graph(index, codes) for index in self._range(model.SubgraphsLength()))
        if not graphs:
            raise ValueError("no graph")
        input_names, output_names = self._signature_names()
        return StoredModel(
            model.Version(),
            graphs,
            input_names,
            output_names,
            self._min_runtime_version(),
            _text(model.Description()),
        )

    def _range(self, length: int) -> range:
        # An element takes at least four bytes, so a longer vector cannot be in the file.
        if length * 4 > self._size:
            raise ValueError(f"a vector of {length} elements")
        return range(length)

    def _code(self, index: int) -> tuple[str, int]:
        code = self._model.OperatorCodes(index)
        # Codes above 127 do not fit the first, one-byte field of the schema.
        name = _OPERATORS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        if name == "CUSTOM":
            name = f"CUSTOM:{_text(code.CustomCode())}"
        return name, code.Version()

    def _graph(self, index: int, codes: list[tuple[str, int]]) -> StoredGraph:
        graph = self._model.Subgraphs(index)
        tensors = tuple(self._tensor(index, at) for at in self._range(graph.TensorsLength()))
        operators = []
        for at in self._range(graph.OperatorsLength()):
            entry = graph.Operators(at)
            name, version = codes[entry.OpcodeIndex()]
            inputs = _places(entry.InputsAsNumpy(), len(tensors), may_lack=True)
            outputs = _places(entry.OutputsAsNumpy(), len(tensors))
            operators.append(StoredOperator(name, version, inputs, outputs))
        return StoredGraph(
            tensors=tensors,
            operators=tuple(operators),
            inputs=_places(graph.InputsAsNumpy(), len(tensors)),
            outputs=_places(graph.OutputsAsNumpy(), len(tensors)),
        )

    def _tensor(self, graph: int, index: int) -> StoredTensor:
        tensor = self._model.Subgraphs(graph).Tensors(index)
        shape = _numbers(tensor.ShapeAsNumpy())
        if any(size < 0 for size in shape):
            raise ValueError(f"a tensor of shape {shape}")
        signature = _numbers(tensor.ShapeSignatureAsNumpy())
        scales = tensor.Quantization()
        quantized = scales is not None and scales.ScaleLength() > 0
        quantization = None
        if quantized and scales.ScaleLength() == 1:
            zero_point = int(scales.ZeroPoint(0)) if scales.ZeroPointLength() else 0
            quantization = Quantization(float(scales.Scale(0)), zero_point)
            if not math.isfinite(quantization.scale):
                raise ValueError(f"the scale {quantization.scale}")
        return StoredTensor(
            name=_text(tensor.Name()),
            type=_TYPES[tensor.Type()],
            shape=shape,
            free_axes=frozenset(axis for axis, size in enumerate(signature) if size < 0),
            data_bytes=self._data_bytes(tensor.Buffer()),
            quantized=quantized,
            quantization=quantization,
            variable=bool(tensor.IsVariable()),
        )

    def _data_bytes(self, index: int) -> int:
        buffer = self._model.Buffers(index)
        if buffer.DataIsNone():
            return int(buffer.Size())  # the values follow the tables, as in files above 2 GiB
        return int(buffer.DataAsNumpy().size)  # raises where they end outside the file

    def _signature_names(self) -> tuple[dict[int, str], dict[int, str]]:
        if self._model.SignatureDefsLength() != 1:
            return {}, {}
        signature = self._model.SignatureDefs(0)
        inputs = [signature.Inputs(at) for at in self._range(signature.InputsLength())]
        outputs = [signature.Outputs(at) for at in self._range(signature.OutputsLength())]
        return (
            {entry.TensorIndex(): _text(entry.Name()) for entry in inputs},
            {entry.TensorIndex(): _text(entry.Name()) for entry in outputs},
        )

    def _min_runtime_version(self) -> str:
        for index in self._range(self._model.MetadataLength()):
            entry = self._model.Metadata(index)
            if entry.Name() == b"min_runtime_version":
                buffer = self._model.Buffers(entry.Buffer())
                return "" if buffer.DataIsNone() else _text(bytes(buffer.DataAsNumpy()))
        return ""


def _text(value: bytes | None) -> str:
    return (value or b"").rstrip(b"\0").decode()


def _numbers(vector: object) -> tuple[int, ...]:
    """Return a vector's numbers; the bindings give 0 for one that is not there."""
    return () if isinstance(vector, int) else tuple(int(number) for number in vector)  # type: ignore[attr-defined]  # a numpy array


def _places(vector: object, count: int, *, may_lack: bool = False) -> tuple[int, ...]:
    places = _numbers(vector)
    if any(not (-1 if may_lack else 0) <= place < count for place in places):
        raise IndexError(f"a tensor position outside {count} tensors")
    return places
