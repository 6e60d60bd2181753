"""What int8 would leave in float, and why: the quantizer's own plan, without data."""

import onnx_ir as ir

from edgeml_converters.graph import optimize
from edgeml_converters.inspection.document import Finding
from edgeml_converters.quantize.eligibility import node_label
from edgeml_converters.quantize.plan import plan_int8
from edgeml_converters.quantize.preparation import prepare_int8

QUANTIZED = frozenset({"QuantizeLinear", "DequantizeLinear", "ConvInteger", "MatMulInteger"})


def int8_findings(model: ir.Model) -> tuple[Finding, ...]:
    """Return the float nodes that stay float, in order; none for a model that is quantized.

    Args:
        model: It is not changed.
    """
    if any(node.op_type in QUANTIZED for node in model.graph):
        return ()
    optimized = optimize(model)
    prepare_int8(optimized)
    plan = plan_int8(optimized)
    if not plan.nodes:
        reason = "no operator of it is computed in int8"
        return (Finding("int8", "", "", reason),)
    types = {node_label(node): node.op_type for node in optimized.graph if node.outputs}
    return tuple(
        Finding("int8", node, types.get(node, ""), reason) for node, reason in plan.excluded
    )
