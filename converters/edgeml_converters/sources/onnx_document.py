"""An ONNX file and whether it is whole.

This knows protobuf; it must not build the graph in memory, nor hold large weights.

A file that was cut short can still be sound protobuf, as a message may end after any field. So the
parts that no model can lack are looked for, and every tensor is measured against its own shape.
Files are only read: the user's model keeps its bytes.
"""

import hashlib
import math
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path, PurePosixPath

import onnx
import onnx_ir as ir
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # ships no types

from edgeml_converters.graph.checking import copy_to_check
from edgeml_converters.sources.mapped_weights import (
    ITSELF,
    BrokenMessageError,
    Bytes,
    without_weights,
)
from edgeml_runtime.errors import InputError

OLDEST_OPSET = 7
READ_BLOCK_BYTES = 1 << 20
OTHER_KINDS = (
    (0, b"version https://git-lfs", "a Git LFS pointer: run 'git lfs pull' to fetch the model"),
    (0, b"\x89HDF", "an HDF5 file, as Keras writes"),
    (0, b"PK\x03\x04", "a zip archive, as PyTorch and Keras write"),
    (4, b"TFL3", "a TFLite model: give it the suffix .tflite"),
)


@dataclass(frozen=True)
class OnnxDocument:
    """A checked ONNX file.

    Args:
        path: Where it is.
        proto: What it holds, with its large weights told by their place in it.
        weight_files: Other files of weights that it refers to, sorted.
        sha256: Digest of the file followed by the weight files.
    """

    path: Path
    proto: onnx.ModelProto
    weight_files: tuple[Path, ...]
    sha256: str


def read_document(path: Path) -> OnnxDocument:
    """Return the file at *path* after every check that needs no engine.

    Raises:
        InputError: It cannot be read, is something else, is cut short, or breaks the ONNX rules.
    """
    with _mapped(path) as data:
        _refuse_other_kinds(path, data)
        proto = _parse(path, data)
        _clear_unnamed_sizes(proto.graph)
        _check_parts(path, proto)
        _check_opset(path, proto)
        weight_files = _check_tensors(path, proto)
        _check_rules(path, proto)
        return OnnxDocument(path, proto, weight_files, _digest(data, weight_files))


@contextmanager
def _mapped(path: Path) -> Iterator[Bytes]:
    try:
        with path.open("rb") as stream:
            if not path.stat().st_size:  # which cannot be mapped
                yield b""
                return
            with mmap(stream.fileno(), 0, access=ACCESS_READ) as data:
                yield data
    except OSError as error:
        raise InputError(
            f"'{path}' cannot be read: {error.strerror}.", "Check its permissions."
        ) from error


def _refuse_other_kinds(path: Path, data: Bytes) -> None:
    if not data:
        raise InputError(f"'{path}' is empty.", "Export or copy the model again.")
    for start, magic, kind in OTHER_KINDS:
        if data[start : start + len(magic)] == magic:
            raise InputError(f"'{path}' is {kind}.", "Give an ONNX file.")
    # An ONNX file begins with a field tag below 32; text has no such bytes but white space.
    if all(byte >= 32 or byte in b"\t\n\r\f" for byte in data[:1024]):
        raise InputError(f"'{path}' is a text file, not an ONNX model.", "Give an ONNX file.")


def _parse(path: Path, data: Bytes) -> onnx.ModelProto:
    try:
        return onnx.load_model_from_string(without_weights(data))
    except (DecodeError, BrokenMessageError) as error:
        raise InputError(
            f"'{path}' is truncated, damaged or no ONNX model: its {len(data)} bytes do not parse.",
            "Export or copy the model again.",
        ) from error


def _clear_unnamed_sizes(graph: onnx.GraphProto) -> None:
    """Clear the sizes -1 and '?', which exporters write for free ones that have no name."""
    for value in (*graph.input, *graph.output, *graph.value_info):
        for size in value.type.tensor_type.shape.dim:
            named = any(character.isalpha() for character in size.dim_param)
            if size.dim_value < 0 or (size.dim_param and not named):
                size.Clear()


def _check_parts(path: Path, proto: onnx.ModelProto) -> None:
    graph = proto.graph
    if not proto.HasField("graph"):
        raise _truncated(path, "it has no graph")
    if not graph.output:
        raise _truncated(path, "its graph has no outputs")
    if not proto.opset_import:
        raise _truncated(path, "it does not say which opset it uses")
    made = {name for node in graph.node for name in node.output}
    made |= {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    made |= {tensor.values.name for tensor in graph.sparse_initializer}
    for value in graph.output:
        if value.name not in made:
            raise _truncated(path, f"nothing in it makes its output '{value.name}'")


def _check_opset(path: Path, proto: onnx.ModelProto) -> None:
    newest = onnx.defs.onnx_opset_version()
    for entry in proto.opset_import:
        if entry.domain in ("", "ai.onnx") and not OLDEST_OPSET <= entry.version <= newest:
            raise InputError(
                f"'{path}' uses opset {entry.version}; opsets {OLDEST_OPSET} to {newest} are read.",
                "Export the model again with a supported opset, such as 17.",
            )


def _check_rules(path: Path, proto: onnx.ModelProto) -> None:
    checked = copy_to_check(proto)
    # Before version 4 weights had to be inputs too, which tools that add one forget, and no engine
    # asks for.
    checked.ir_version = max(checked.ir_version, 4)
    for tensor in _tensors(checked.graph):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            # Without the file, the checker takes only a tensor that has no elements.
            tensor.ClearField("data_location")
            tensor.ClearField("external_data")
            tensor.dims[:] = [0]
    try:
        onnx.checker.check_model(checked)
    except (onnx.checker.ValidationError, UnicodeDecodeError) as error:
        cause = next(iter(str(error).strip().splitlines()), "no rule is named.")
        raise InputError(
            f"'{path}' breaks the ONNX rules, which a truncated file also does: {cause}",
            "Export or copy the model again.",
        ) from error


def _check_tensors(path: Path, proto: onnx.ModelProto) -> tuple[Path, ...]:
    files = set()
    for tensor in _tensors(proto.graph):
        held = _held_bytes(path, tensor)
        if held not in (None, _size_bytes(path, tensor)):
            raise _truncated(
                path,
                f"tensor '{tensor.name}' of shape {list(tensor.dims)} holds "
                f"{held} bytes instead of {_size_bytes(path, tensor)}",
            )
        if held is None and tensor.data_location == onnx.TensorProto.EXTERNAL:
            files.add(_check_external(path, tensor))
        elif (found := _listed(tensor)) not in (None, math.prod(tensor.dims)):
            raise _truncated(
                path,
                f"tensor '{tensor.name}' of shape {list(tensor.dims)} lists {found} numbers",
            )
    return tuple(sorted(files))


def _held_bytes(path: Path, tensor: onnx.TensorProto) -> int | None:
    """Return how many bytes the file itself has for a tensor, None where it has none as such."""
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        entries = {entry.key: entry.value for entry in tensor.external_data}
        if entries.get("location") != ITSELF:
            return None
        offset, length = entries.get("offset", ""), entries.get("length", "")
        told = offset.isdecimal() and length.isdecimal()
        # A file that has this name in it does not come to name what lies outside of it.
        inside = told and int(offset) + int(length) <= path.stat().st_size
        return int(length) if inside else None
    return len(tensor.raw_data) if tensor.HasField("raw_data") else None


def _listed(tensor: onnx.TensorProto) -> int | None:
    """Return how many numbers a tensor lists, None where they are not one for each element."""
    if tensor.HasField("raw_data") or tensor.data_location == onnx.TensorProto.EXTERNAL:
        return None
    fields: dict[int, Sized] = {
        onnx.TensorProto.FLOAT: tensor.float_data,
        onnx.TensorProto.DOUBLE: tensor.double_data,
        onnx.TensorProto.INT64: tensor.int64_data,
        onnx.TensorProto.INT32: tensor.int32_data,
        onnx.TensorProto.INT8: tensor.int32_data,
        onnx.TensorProto.UINT8: tensor.int32_data,
        onnx.TensorProto.BOOL: tensor.int32_data,
        onnx.TensorProto.FLOAT16: tensor.int32_data,
    }
    listed = fields.get(tensor.data_type)
    return None if listed is None else len(listed)


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                yield attribute.t
            elif attribute.type == onnx.AttributeProto.GRAPH:
                yield from _tensors(attribute.g)


def _check_external(path: Path, tensor: onnx.TensorProto) -> Path:
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = PurePosixPath(entries.get("location", ""))
    if location.is_absolute() or ".." in location.parts or not location.name:
        raise InputError(
            f"Tensor '{tensor.name}' of '{path}' lies in '{location}', outside the model's folder.",
            "Export the model again with its weights inside or beside the file.",
        )
    file = path.parent / location
    if not file.is_file():
        raise InputError(
            f"'{path}' keeps weights in '{location}', which is not beside it.",
            f"Copy '{location}' into '{path.parent}'.",
        )
    size_bytes = _size_bytes(path, tensor)
    length, offset = entries.get("length", str(size_bytes)), entries.get("offset", "0")
    if length != str(size_bytes) or not offset.isdecimal():
        raise _truncated(
            path,
            f"tensor '{tensor.name}' needs {size_bytes} bytes, "
            f"but its entry says offset {offset}, length {length}",
        )
    end = int(offset) + size_bytes
    if file.stat().st_size < end:
        raise _truncated(file, f"tensor '{tensor.name}' ends at byte {end}")
    return file


def _size_bytes(path: Path, tensor: onnx.TensorProto) -> int:
    try:
        bits = ir.DataType(tensor.data_type).bitwidth
    except (ValueError, TypeError) as error:
        raise InputError(
            f"Tensor '{tensor.name}' of '{path}' has the unknown element type {tensor.data_type}.",
            "Export or copy the model again.",
        ) from error
    elements: int = math.prod(tensor.dims)
    return math.ceil(elements * bits / 8)


def _digest(data: Bytes, weight_files: tuple[Path, ...]) -> str:
    digest = hashlib.sha256(data)
    for file in weight_files:
        with file.open("rb") as stream:
            while block := stream.read(READ_BLOCK_BYTES):
                digest.update(block)
    return digest.hexdigest()


def _truncated(path: Path, reason: str) -> InputError:
    return InputError(
        f"'{path}' is truncated or damaged: {reason}.", "Export or copy the model again."
    )
