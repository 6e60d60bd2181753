"""Whether a node can be computed in int8, and if not, why: the words that the user reads.

This looks at one node at a time. What its neighbours demand is the business of ``plan``.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.attributes import (
    clip_bounds,
    input_value,
    int_attribute,
    padding,
    string_attribute,
)
from edgeml_converters.quantize.constants import constant_floats, is_constant, optional_input
from edgeml_converters.quantize.rules import Rule, load_rules


def node_label(node: ir.Node) -> str:
    """Return the name under which *node* is reported."""
    return node.name or f"{node.op_type}({node.outputs[0].name})"


def data_inputs(node: ir.Node, rule: Rule) -> tuple[ir.Value, ...]:
    """Return the inputs of *node* that hold activations or constants computed with as such."""
    positions = rule.inputs or range(len(node.inputs))
    weighted = constant_weights(node, rule) is not None
    return tuple(
        value
        for position in positions
        if not (weighted and position == rule.weights)
        and (value := input_value(node, position)) is not None
    )


def constant_weights(node: ir.Node, rule: Rule) -> ir.Value | None:
    """Return the input that is quantized as weights: a constant matrix or filter."""
    value = optional_input(node, rule.weights)
    array = constant_floats(value)
    return value if array is not None and array.ndim >= 2 else None


def data_outputs(node: ir.Node, rule: Rule) -> tuple[ir.Value, ...]:
    """Return the outputs of *node* that hold activations: the first, or all that are there."""
    if not rule.all_outputs:
        return (node.outputs[0],)
    return tuple(value for value in node.outputs if value.name)


def refusal(node: ir.Node) -> str | None:
    """Return why *node* stays float whatever its neighbours are, or None."""
    rule = load_rules().get(node.op_type)
    if node.domain:
        return f"operators of '{node.domain}' have no int8 rule"
    if rule is None:
        return f"{node.op_type} has no int8 rule"
    others = () if rule.all_outputs else node.outputs[1:]
    if any(output.uses() or output.is_graph_output() for output in others):
        return "it has more than one output in use"
    check = CHECKS.get(node.op_type)
    return _refuse_inputs(node, rule) or (check(node, rule) if check else None)


def _refuse_inputs(node: ir.Node, rule: Rule) -> str | None:
    inputs = data_inputs(node, rule)
    if not all(value.dtype == ir.DataType.FLOAT for value in (*inputs, *data_outputs(node, rule))):
        return "it does not compute with float32"
    if all(is_constant(value) for value in inputs):
        return "its inputs are constant"
    for value in inputs:
        constant = constant_floats(value)
        if constant is not None and not (constant.size and np.isfinite(constant).all()):
            return f"its constant '{value.name}' is empty or not finite"
    return None


def output_channels_axis(node: ir.Node) -> int:
    """Return the axis of the weights of *node* that runs over its output channels.

    Of a Conv and a Gemm with transposed weights it is the first, of others the second: a
    ConvTranspose has its input channels first, and a MatMul its rows.
    """
    if node.op_type == "Conv" or (node.op_type == "Gemm" and int_attribute(node, "transB", 0)):
        return 0
    return 1


def _refuse_transposed(node: ir.Node, rule: Rule) -> str | None:
    if int_attribute(node, "group", 1) != 1:
        return "it has groups"
    return _refuse_weighted(node, rule)


def _refuse_weighted(node: ir.Node, rule: Rule) -> str | None:
    weights = constant_weights(node, rule)
    array = constant_floats(weights)
    if array is None or not np.isfinite(array).all():
        return "its weights are not constant, or not finite"
    if node.op_type == "Gemm" and int_attribute(node, "transA", 0):
        return "it transposes its input"
    if (value := optional_input(node, rule.bias)) is None:
        return None
    bias = constant_floats(value)
    if bias is None or not np.isfinite(bias).all():
        return "its bias is not constant, or not finite"
    channels = array.shape[output_channels_axis(node)]
    if bias.size not in (1, channels) or bias.size != (bias.shape or (1,))[-1]:
        return f"its bias of shape {bias.shape} is not one number for each of {channels} channels"
    return None


def _refuse_product(node: ir.Node, rule: Rule) -> str | None:
    weights = constant_weights(node, rule)
    array = constant_floats(weights)
    if array is not None and array.ndim > 2:
        return f"its constant matrix has {array.ndim} axes instead of 2"
    if array is not None and not np.isfinite(array).all():
        return "its weights are not finite"
    return None


def _refuse_pad(node: ir.Node, _rule: Rule) -> str | None:
    shape = node.outputs[0].shape
    pad = None if shape is None else padding(node, len(shape))
    if pad is None:
        return "its amounts are known only at run time"
    if pad.mode != "constant":
        return f"its mode is '{pad.mode}'"
    return "it does not pad with zero" if pad.value else None


def _refuse_constant(node: ir.Node, rule: Rule) -> str | None:
    if any(is_constant(value) for value in data_inputs(node, rule)):
        return "it compares with a constant, which needs the scale of the rest"
    return None


def _refuse_slopes(node: ir.Node, _rule: Rule) -> str | None:
    slopes = constant_floats(optional_input(node, 1))
    return "its slopes are known only at run time" if slopes is None else None


def _refuse_resize(node: ir.Node, _rule: Rule) -> str | None:
    mode = string_attribute(node, "mode", "nearest")
    if mode == "cubic":
        return "its mode is 'cubic'"
    if string_attribute(node, "coordinate_transformation_mode", "") == "tf_crop_and_resize":
        return "it resizes a region"
    return None


def _refuse_clip(node: ir.Node, _rule: Rule) -> str | None:
    return "its bounds are known only at run time" if clip_bounds(node) is None else None


def clamp_bounds(node: ir.Node) -> tuple[float, float] | None:
    """Return what a Relu or Clip limits values to, or None when that is known at run time only."""
    return (0.0, math.inf) if node.op_type == "Relu" else clip_bounds(node)


def _refuse_mask(node: ir.Node, rule: Rule) -> str | None:
    for value in data_inputs(node, rule):
        if _is_mask(value):
            return f"it adds the mask '{value.name}', whose range would leave no steps to others"
    return None


def _is_mask(value: ir.Value) -> bool:
    """Whether *value* is made of integers or truths alone, and of a number that hides others.

    So is what attention adds to the scores of tokens that are only padding: -10000 or the lowest.
    """
    hides, pending, seen = False, [value], {value}
    while pending:
        maker = pending.pop().producer()
        if maker is None or maker.domain or maker.op_type not in _MASK_OPS:
            return False
        for source in maker.inputs:
            if source is None or source in seen:
                continue
            seen.add(source)
            constant = constant_floats(source)
            if constant is not None:
                hides |= bool((np.abs(constant) >= _HIDING).any())
            elif source.dtype == ir.DataType.FLOAT:
                pending.append(source)
    return hides


_HIDING = 1e4
_MASK_OPS = frozenset({"Cast", "Expand", "Mul", "Reshape", "Squeeze", "Sub", "Unsqueeze", "Where"})

CHECKS: Mapping[str, Callable[[ir.Node, Rule], str | None]] = {
    "Add": _refuse_mask,
    "Clip": _refuse_clip,
    "Conv": _refuse_weighted,
    "ConvTranspose": _refuse_transposed,
    "Gemm": _refuse_weighted,
    "MatMul": _refuse_product,
    "Max": _refuse_constant,
    "Min": _refuse_constant,
    "PRelu": _refuse_slopes,
    "Pad": _refuse_pad,
    "Resize": _refuse_resize,
}
