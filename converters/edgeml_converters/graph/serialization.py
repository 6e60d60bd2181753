"""An ONNX graph as a file, its large weights written from where they are.

A weight takes several copies on its way through a message of protocol buffers. Here the message is
made without the large ones, which then follow it as what they are: the last fields of its graph.
"""

from collections.abc import Iterator

import numpy as np
import onnx
import onnx_ir as ir

from edgeml_converters.graph.checking import copy_to_check
from edgeml_converters.graph.model import copy_model
from edgeml_converters.graph.protobuf import (
    GRAPH,
    INITIALIZER,
    LARGE_WEIGHT_BYTES,
    RAW_DATA,
    field_head,
)
from edgeml_runtime.errors import InternalError

Bytes = bytes | bytearray | memoryview

# Protocol buffers hold at most 2 GiB (https://protobuf.dev/programming-guides/proto-limits/).
_PROTOBUF_LIMIT_BYTES = 2**31 - 1


def serialize_onnx(model: ir.Model) -> bytes:
    """Return the bytes of the file of which `onnx_parts` returns the parts."""
    return b"".join(onnx_parts(model))


def onnx_parts(model: ir.Model) -> list[Bytes]:
    """Return the parts of an ONNX file, to be written one after the other.

    The same graph always gives the same bytes. Weights among them may be views of the graph's.

    Args:
        model: It is not changed.

    Raises:
        InternalError: If the graph is not valid ONNX, or is too large for one file.
    """
    large = {
        name: value.const_value
        for name, value in model.graph.initializers.items()
        if value.const_value is not None and _is_large(value.const_value)
    }
    proto = _without(model, large)
    _check(proto)
    entries = [proto.graph.initializer.pop(_place(proto, name)) for name in large]
    rest = proto.graph.SerializeToString(deterministic=True)
    proto.ClearField("graph")
    tail: list[Bytes] = []
    for entry, tensor in zip(entries, large.values(), strict=True):
        tail += _tensor_parts(entry, tensor)
    graph_bytes = len(rest) + sum(map(len, tail))
    parts = [
        proto.SerializeToString(deterministic=True) + field_head(GRAPH, graph_bytes) + rest,
        *tail,
    ]
    size_bytes = sum(map(len, parts))
    if size_bytes > _PROTOBUF_LIMIT_BYTES:
        raise InternalError(
            f"The ONNX graph takes {size_bytes} bytes, and one file holds 2 GiB at most.",
            "Split the weights off, into a file beside it.",
        )
    return parts


def _is_large(tensor: ir.TensorProtocol) -> bool:
    return tensor.nbytes >= LARGE_WEIGHT_BYTES and tensor.dtype.bitwidth % 8 == 0


def _without(model: ir.Model, names: dict[str, ir.TensorProtocol]) -> onnx.ModelProto:
    """Return the message of *model*, with tensors of no elements in place of those named."""
    copy = copy_model(model)
    for name in names:
        value = copy.graph.initializers[name]
        assert value.const_value is not None, "chosen by it"
        value.const_value = ir.tensor([], dtype=value.const_value.dtype, name=name)
    return ir.to_proto(copy)


def _check(proto: onnx.ModelProto) -> None:
    try:
        onnx.checker.check_model(copy_to_check(proto))
    except onnx.checker.ValidationError as error:
        raise InternalError(
            f"The graph that was made is not valid ONNX: {error}",
            "Report this with the model; it is a defect of edgeml.",
        ) from error


def _place(proto: onnx.ModelProto, name: str) -> int:
    return next(i for i, tensor in enumerate(proto.graph.initializer) if tensor.name == name)


def _tensor_parts(entry: onnx.TensorProto, tensor: ir.TensorProtocol) -> Iterator[Bytes]:
    data = tensor_bytes(tensor)
    entry.ClearField("raw_data")
    entry.dims[:] = tensor.shape.numpy()
    header = entry.SerializeToString(deterministic=True) + field_head(RAW_DATA, len(data))
    yield field_head(INITIALIZER, len(header) + len(data)) + header
    yield data


def tensor_bytes(tensor: ir.TensorProtocol) -> Bytes:
    """Return the bytes of a tensor as a file has them, a view of its own where it can be."""
    array = tensor.numpy()
    if array.dtype.isbuiltin and array.flags.c_contiguous and array.dtype.byteorder in "=|<":
        return array.reshape(-1).view(np.uint8).data
    return tensor.tobytes()
