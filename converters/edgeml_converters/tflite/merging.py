"""Rules that make one operator of two; every rule keeps the program's results."""

import math

import numpy as np

from edgeml_converters.tflite.links import Links
from edgeml_converters.tflite.program import Operator, Program, Tensor


def _shrink_mean(program: Program, links: Links) -> bool:
    """A MEAN whose only reader is a RESHAPE that drops the reduced axes drops them itself."""
    for operator in program.operators:
        if operator.code != "MEAN" or not operator.options.get("keep_dims"):
            continue
        kept, source, axes = operator.outputs[0], operator.inputs[0], operator.inputs[1]
        reader = links.sole_reader(kept)
        if reader is None or reader.code != "RESHAPE":
            continue
        if source is None or axes is None or axes.data is None:
            continue
        reduced = set(axes.data.reshape(-1).tolist())
        shape = tuple(size for axis, size in enumerate(source.shape) if axis not in reduced)
        if reader.outputs[0].shape == shape:
            operator.options["keep_dims"] = False
            operator.outputs = reader.outputs
            program.operators.remove(reader)
            return True
    return False


def _add_as_bias(program: Program, links: Links) -> bool:
    """A constant vector that is added to a float product without bias becomes its bias."""
    for product in program.operators:
        if product.code != "FULLY_CONNECTED" or _has_bias(product):
            continue
        result = product.outputs[0]
        reader = links.sole_reader(result)
        if reader is None or reader.code != "ADD":
            continue
        added = next((tensor for tensor in reader.inputs if tensor is not result), None)
        channels = result.shape[-1]
        if added is None or added.data is None or added.shape[-1:] != (channels,):
            continue
        if added.data.size == channels and reader.outputs[0].shape == result.shape:
            added.data = added.data.reshape(channels)
            added.shape = (channels,)
            product.inputs[2] = added
            product.outputs = reader.outputs
            product.options["fused_activation_function"] = reader.options[
                "fused_activation_function"
            ]
            program.operators.remove(reader)
            return True
    return False


def _invert_roots(program: Program, links: Links) -> bool:
    """A float tensor over the square roots of fewer numbers is multiplied by their inverses."""
    for division in program.operators:
        if division.code != "DIV" or division.outputs[0].dtype != np.float32:
            continue
        over, roots = division.inputs
        root = links.writer(roots)
        if over is None or roots is None or root is None or root.code != "SQRT":
            continue
        if links.sole_reader(roots) is division and math.prod(roots.shape) < math.prod(over.shape):
            root.code, division.code = "RSQRT", "MUL"
            return True
    return False


def _has_bias(product: Operator) -> bool:
    """Whether a product computes more than the bare product: a bias, activation, integers."""
    bias = product.inputs[2]
    return (
        product.options["fused_activation_function"] != "NONE"
        or product.outputs[0].affine is not None
        or (bias is not None and bias.data is not None and bool(bias.data.any()))
    )


def _merge_slices(program: Program, links: Links) -> bool:
    """A STRIDED_SLICE of a STRIDED_SLICE, forwards both, cuts what both of them cut."""
    for second in program.operators:
        first = links.writer(second.inputs[0]) if second.code == "STRIDED_SLICE" else None
        if first is None or first.code != "STRIDED_SLICE":
            continue
        if links.sole_reader(first.outputs[0]) is not second:
            continue
        outer, inner = _forward_bounds(first), _forward_bounds(second)
        if outer is None or inner is None:
            continue
        begin, strides = outer[0] + inner[0] * outer[1], outer[1] * inner[1]
        end = begin + (np.array(second.outputs[0].shape, np.int32) - 1) * strides + 1
        name = second.outputs[0].name
        parts = {"begin": begin, "end": end, "strides": strides}
        constants = [
            Tensor(f"{name}/{part}", array.shape, array.dtype, array)
            for part, array in parts.items()
        ]
        second.inputs = [first.inputs[0], *constants]
        return True
    return False


def _forward_bounds(operator: Operator) -> tuple[np.ndarray, np.ndarray] | None:
    """Return where a slice begins and its strides, where it has no masks and runs forwards."""
    if any(value for key, value in operator.options.items() if key.endswith("_mask")):
        return None
    begin, strides = operator.inputs[1], operator.inputs[3]
    if begin is None or strides is None or begin.data is None or strides.data is None:
        return None
    if begin.data.min(initial=0) < 0 or strides.data.min(initial=1) < 1:
        return None
    return begin.data, strides.data


def _fuse_clamp(program: Program, links: Links) -> bool:
    """An integer activation at the scale of what it reads is one of the operator before it."""
    for clamp in program.operators:
        if clamp.code not in _CLAMPS:
            continue
        source, target = clamp.inputs[0], clamp.outputs[0]
        maker = links.writer(source)
        if source is None or source.affine is None or source.affine != target.affine:
            continue
        if maker is None or maker.code not in _FUSING or links.sole_reader(source) is not clamp:
            continue
        if maker.options["fused_activation_function"] == "NONE" and target.dtype == np.int8:
            maker.options["fused_activation_function"] = clamp.code
            maker.outputs = clamp.outputs
            program.operators.remove(clamp)
            return True
    return False


_CLAMPS = frozenset({"RELU", "RELU6", "RELU_N1_TO_1"})
_FUSING = frozenset(
    {
        *("ADD", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MAX_POOL_2D", "MUL"),
        "SUB",
    }
)
MERGES = (_fuse_clamp, _shrink_mean, _add_as_bias, _invert_roots, _merge_slices)
"""Each does one merge at most, and says whether it did; links hold until then."""
