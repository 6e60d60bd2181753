"""Copies and serializes a whole ONNX graph; knows nothing of what is in it."""

import onnx
import onnx_ir as ir

from edgeml_runtime.errors import InternalError

# Protocol buffers hold at most 2 GiB (https://protobuf.dev/programming-guides/proto-limits/).
_PROTOBUF_LIMIT_BYTES = 2**31 - 1


def copy_model(model: ir.Model) -> ir.Model:
    """Return a copy whose graph, nodes and values are new; the (immutable) tensors are shared."""
    return model.clone()


def serialize_onnx(model: ir.Model) -> bytes:
    """Return the bytes of an ONNX file; the same graph always gives the same bytes.

    Raises:
        InternalError: If the graph is not valid ONNX, or is too large for one file.
    """
    proto = ir.to_proto(model)
    size_bytes = proto.ByteSize()
    if size_bytes > _PROTOBUF_LIMIT_BYTES:
        raise InternalError(
            f"The ONNX graph takes {size_bytes} bytes, and one file holds 2 GiB at most.",
            "Split the weights off, into a file beside it.",
        )
    try:
        onnx.checker.check_model(proto)
    except onnx.checker.ValidationError as error:
        raise InternalError(
            f"The graph that was made is not valid ONNX: {error}",
            "Report this with the model; it is a defect of edgeml.",
        ) from error
    return bytes(proto.SerializeToString(deterministic=True))
