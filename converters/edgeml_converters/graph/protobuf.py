"""The encoding of protocol buffers, as far as weights are taken out of and put into ONNX files.

https://protobuf.dev/programming-guides/encoding; the numbers of the fields are those of onnx.proto.
"""

GRAPH, INITIALIZER, RAW_DATA = 7, 5, 9
"""Fields of ModelProto, GraphProto and TensorProto: the way to a weight."""
VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
"""Kinds of encoding; LENGTH is that of fields which tell their own."""
CONTINUES = 0x80
LARGE_WEIGHT_BYTES = 1 << 16
"""From here on a weight is kept out of messages; shapes, scalars and biases are smaller."""


def field_head(number: int, size_bytes: int) -> bytes:
    """Return what stands before a content of *size_bytes* in the field *number*."""
    return _varint(number << 3 | LENGTH) + _varint(size_bytes)


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= CONTINUES:
        encoded.append(value & 0x7F | CONTINUES)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
