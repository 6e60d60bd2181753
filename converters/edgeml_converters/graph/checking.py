"""What onnx's checker asks for beyond the rules of ONNX."""

import onnx


def copy_to_check(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy whose inputs and outputs all have a shape, which engines do not ask for."""
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    for value in (*copy.graph.input, *copy.graph.output):
        if value.type.HasField("tensor_type") and not value.type.tensor_type.HasField("shape"):
            value.type.tensor_type.shape.SetInParent()
    return copy
