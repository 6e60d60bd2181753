"""An ONNX file whose large weights stay in the file: mapped into memory, neither copied nor parsed.

A weight that lies in the file is told in the way ONNX has for one that lies beside it: file, offset
and length.
"""

from collections.abc import Iterator
from functools import cache
from mmap import ACCESS_READ, mmap
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir

from edgeml_converters.graph.protobuf import (
    CONTINUES,
    FIXED32,
    FIXED64,
    GRAPH,
    INITIALIZER,
    LARGE_WEIGHT_BYTES,
    LENGTH,
    RAW_DATA,
    VARINT,
    field_head,
)
from edgeml_runtime.errors import InputError

Bytes = bytes | mmap

ITSELF = "/itself"
"""Stands for the name of the model's file, which may be no text; no file beside it is called so."""


class BrokenMessageError(ValueError):
    """The bytes are no sound message."""


def without_weights(data: Bytes) -> bytes:
    """Return the model with its large weights told by their place in the file `ITSELF`.

    Raises:
        BrokenMessageError: A field does not end where the message does.
    """
    parts = []
    for number, kept, content in _fields(data, 0, len(data)):
        if number == GRAPH and content is not None:
            slim = _slim_graph(data, content)
            parts += [field_head(GRAPH, len(slim)), slim]
        else:
            parts.append(data[kept.start : kept.stop])
    return b"".join(parts)


def map_weights(model: ir.Model, path: Path) -> None:
    """Give *model* the weights that lie in its file and in those beside it, as views of them.

    Args:
        model: It is changed.
        path: Its file.

    Raises:
        InputError: A file is not there any more.
    """

    @cache
    def mapped(location: str) -> mmap:
        file = path if location == ITSELF else path.parent / location
        try:
            with file.open("rb") as stream:
                return mmap(stream.fileno(), 0, access=ACCESS_READ)
        except OSError as error:
            raise InputError(
                f"'{file}' cannot be read: {error.strerror}.", "Keep it until the command ends."
            ) from error

    def view(tensor: ir.ExternalTensor) -> ir.TensorProtocol:
        start = tensor.offset or 0
        data = memoryview(mapped(str(tensor.location)))[start : start + tensor.nbytes]
        if tensor.dtype.bitwidth < 8:  # several elements a byte, which numpy has no form for
            proto = onnx.TensorProto(
                data_type=tensor.dtype, dims=tensor.shape.numpy(), raw_data=bytes(data)
            )
            return ir.serde.deserialize_tensor(proto)
        array = np.frombuffer(data, tensor.dtype.numpy()).reshape(tensor.shape.numpy())
        return ir.Tensor(array, tensor.dtype, name=tensor.name)

    for graph in model.graphs():
        for value in graph.initializers.values():
            if isinstance(value.const_value, ir.ExternalTensor):
                value.const_value = view(value.const_value)
        for node in graph:
            for name, attribute in node.attributes.items():
                if isinstance(attribute.value, ir.ExternalTensor):
                    node.attributes[name] = ir.AttrTensor(name, view(attribute.value))


def _slim_graph(data: Bytes, graph: range) -> bytes:
    parts = []
    pending = graph.start  # what was not taken over yet, up to the next weight
    for number, kept, content in _fields(data, graph.start, graph.stop):
        if number == INITIALIZER and content is not None and len(content) >= LARGE_WEIGHT_BYTES:
            parts.append(data[pending : kept.start])
            slim = _slim_tensor(data, content)
            parts += [field_head(INITIALIZER, len(slim)), slim]
            pending = kept.stop
    parts.append(data[pending : graph.stop])
    return b"".join(parts)


def _slim_tensor(data: Bytes, tensor: range) -> bytes:
    parts = []
    entry = b""
    for number, kept, content in _fields(data, tensor.start, tensor.stop):
        if number == RAW_DATA and content is not None and len(content) >= LARGE_WEIGHT_BYTES:
            entry = _external(content)
        else:
            parts.append(data[kept.start : kept.stop])
    return b"".join((*parts, entry))


def _external(content: range) -> bytes:
    tensor = onnx.TensorProto(data_location=onnx.TensorProto.EXTERNAL)
    values = {"location": ITSELF, "offset": content.start, "length": len(content)}
    for key, value in values.items():
        tensor.external_data.add(key=key, value=str(value))
    return bytes(tensor.SerializeToString())


def _fields(data: Bytes, start: int, stop: int) -> Iterator[tuple[int, range, range | None]]:
    """Yield number and place of each field, and of what is in it where it tells its own length."""
    position = start
    while position < stop:
        first = position
        tag, position = _read_varint(data, position, stop)
        kind, content = tag & 7, None
        if kind == LENGTH:
            length, position = _read_varint(data, position, stop)
            content = range(position, position + length)
            position += length
        elif kind == VARINT:
            _, position = _read_varint(data, position, stop)
        elif kind in (FIXED64, FIXED32):
            position += 8 if kind == FIXED64 else 4
        else:
            raise BrokenMessageError(f"a field of the unknown kind {kind}")
        if position > stop:
            raise BrokenMessageError("a field that does not end")
        yield tag >> 3, range(first, position), content


def _read_varint(data: Bytes, position: int, stop: int) -> tuple[int, int]:
    value = shift = 0
    while position < stop and shift < 64:
        byte = data[position]
        position += 1
        value |= (byte & ~CONTINUES) << shift
        if byte < CONTINUES:
            return value, position
        shift += 7
    raise BrokenMessageError("a number that does not end")
