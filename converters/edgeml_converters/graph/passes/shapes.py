"""Shape inference by onnx itself, corrected where onnxruntime computes something else.

One point is the size of a pool with ``ceil_mode``: onnx counts windows that start in the padding
after the last element, onnxruntime (and the operator's text since opset 19) does not. The other is
axes counted from the last one, which operators have since opset 11 and onnxruntime takes before: of
some of them onnx infers a wrong shape, or none.
"""

from collections.abc import Iterable

import onnx_ir as ir
from onnx_ir.passes.common import ShapeInferencePass

from edgeml_converters.graph.attributes import (
    int_attribute,
    ints_attribute,
    opset,
    string_attribute,
)
from edgeml_converters.graph.axis_layout import border_layouts


def infer_shapes(model: ir.Model) -> None:
    """Add the shapes and types that follow from the inputs."""
    inference = ShapeInferencePass(check_type=False, strict_mode=False, data_prop=True)
    inference(model)
    while old := next((node for node in model.graph if _counts_from_last(node)), None):
        _count_from_first(old)
        _forget_from(model, old)
        inference(model)
    pools = [node for node in model.graph if int_attribute(node, "ceil_mode", 0)]
    while wrong := next((node for node in pools if _pool_shape(node) is not None), None):
        right = _pool_shape(wrong)
        _forget_from(model, wrong)
        wrong.outputs[0].shape = right
        inference(model)
        wrong.outputs[0].shape = right


def clear_shapes(model: ir.Model) -> None:
    """Forget every computed shape, so that it is inferred anew from the inputs."""
    border_layouts(model.graph)  # which are told by the shapes, among others
    for node in model.graph:
        _forget(node)


def _forget_from(model: ir.Model, first: ir.Node) -> None:
    """Forget what is computed by a node and all after it."""
    later = False
    for node in model.graph:
        later = later or node is first
        if later:
            _forget(node)


def _forget(node: ir.Node) -> None:
    for output in node.outputs:
        output.shape = None


def _pool_shape(node: ir.Node) -> ir.Shape | None:
    """Return the shape that a pool should have, ``None`` if it has it or cannot be known.

    Batch and channels may be free.
    """
    source = node.inputs[0]
    shape = None if source is None else source.shape
    kernel = ints_attribute(node, "kernel_shape")
    automatic = string_attribute(node, "auto_pad", "NOTSET")
    if shape is None or kernel is None:
        return None
    axes = len(kernel)
    strides = ints_attribute(node, "strides") or (1,) * axes
    dilations = ints_attribute(node, "dilations") or (1,) * axes
    pads = (0,) * (2 * axes)
    if automatic == "NOTSET":
        pads = ints_attribute(node, "pads") or pads
    sizes = list(shape[:2])
    for axis, size in enumerate(shape[2:]):
        if not isinstance(size, int):
            return None
        reach = (kernel[axis] - 1) * dilations[axis] + 1
        if automatic.startswith("SAME"):
            sizes.append(-(-size // strides[axis]))
            continue
        free = size + pads[axis] + pads[axis + axes] - reach
        count = -(-free // strides[axis]) + 1
        if (count - 1) * strides[axis] >= size + pads[axis]:
            count -= 1
        sizes.append(count)
    found = node.outputs[0].shape
    if found is not None and list(found[2:]) == sizes[2:]:
        return None
    return ir.Shape(sizes)


def _counts_from_last(node: ir.Node) -> bool:
    """Whether a node of an old operator set has a negative axis, of a tensor of known rank."""
    if node.op_type not in _NEGATIVE_AXES or node.domain or opset(node) >= _FIRST_OPSET_OF_NEGATIVE:
        return False
    return min(_axes(node), default=0) < 0 and _rank(node) is not None


def _count_from_first(node: ir.Node) -> None:
    rank = _rank(node)
    assert rank is not None
    if "axes" in node.attributes:
        axes = [axis % rank for axis in _axes(node)]
        node.attributes["axes"] = ir.AttrInt64s("axes", axes)
    else:
        node.attributes["axis"] = ir.AttrInt64("axis", int_attribute(node, "axis", 0) % rank)


def _axes(node: ir.Node) -> Iterable[int]:
    return ints_attribute(node, "axes") or (int_attribute(node, "axis", 0),)


def _rank(node: ir.Node) -> int | None:
    """Return the rank that the axes of a node are counted in."""
    shape = None if node.inputs[0] is None else node.inputs[0].shape
    if shape is None:
        return None
    return shape.rank() + (len(tuple(_axes(node))) if node.op_type == "Unsqueeze" else 0)


_NEGATIVE_AXES = frozenset({"Concat", "Slice", "Squeeze", "Unsqueeze"})
_FIRST_OPSET_OF_NEGATIVE = 11
