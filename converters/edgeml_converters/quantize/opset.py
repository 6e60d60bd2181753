"""Raising the opset of a graph to the first that has scales per channel."""

import onnx
import onnx.version_converter
import onnx_ir as ir

from edgeml_converters.graph import optimize
from edgeml_runtime.errors import UnsupportedError

QDQ_OPSET = 13  # DequantizeLinear has its `axis` since then


def raise_opset(model: ir.Model) -> ir.Model:
    """Return *model*, or its equal with opset 13 where its own is lower.

    Raises:
        UnsupportedError: An operator cannot be raised.
    """
    opset = model.opset_imports.get("", QDQ_OPSET)
    if opset >= QDQ_OPSET:
        return model
    try:
        raised = onnx.version_converter.convert_version(ir.to_proto(model), QDQ_OPSET)
    except RuntimeError as error:
        cause = str(error).strip().splitlines()[0]
        raise UnsupportedError(
            f"The model has opset {opset}, and it cannot be raised to {QDQ_OPSET}, "
            f"which int8 needs: {cause}",
            f"Export the model again with opset {QDQ_OPSET} or later.",
        ) from error
    return optimize(ir.from_proto(raised))
