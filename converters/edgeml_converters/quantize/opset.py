"""What a graph must be before it is quantized: of a new enough opset, and float."""

import onnx
import onnx.version_converter
import onnx_ir as ir

from edgeml_converters.graph import optimize
from edgeml_runtime.errors import UnsupportedError

QDQ_OPSET = 13  # DequantizeLinear has its `axis` since then
INT16_OPSET = 21  # and QuantizeLinear its 16-bit types


def raise_opset(model: ir.Model, wanted: int = QDQ_OPSET) -> ir.Model:
    """Return *model*, or its equal with the opset *wanted* where its own is lower.

    Raises:
        UnsupportedError: An operator cannot be raised.
    """
    opset = model.opset_imports.get("", wanted)
    if opset >= wanted:
        return model
    try:
        raised = onnx.version_converter.convert_version(ir.to_proto(model), wanted)
    except RuntimeError as error:
        cause = str(error).strip().splitlines()[0]
        raise UnsupportedError(
            f"The model has opset {opset}, and it cannot be raised to {wanted}, "
            f"which its quantized form needs: {cause}",
            f"Export the model again with opset {wanted} or later.",
        ) from error
    found = optimize(ir.from_proto(raised))
    for value, same in zip(model.graph.inputs, found.graph.inputs, strict=True):
        same.metadata_props.update(value.metadata_props)  # which the converter drops
    return found


def refuse_quantized(model: ir.Model) -> None:
    """Refuse a model that holds quantized numbers already.

    Raises:
        UnsupportedError: It does.
    """
    for node in model.graph:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"):
            raise UnsupportedError(
                f"The model is quantized already: '{node.name}' is a {node.op_type}.",
                "Give the float model that it was made from.",
            )
