"""Shape inference by onnx itself, corrected where onnxruntime computes something else.

The size of a pool with ``ceil_mode`` is the one point: onnx counts windows that start in the
padding after the last element, onnxruntime (and the operator's text since opset 19) does not.
"""

import onnx_ir as ir
from onnx_ir.passes.common import ShapeInferencePass

from edgeml_converters.graph.attributes import int_attribute, ints_attribute, string_attribute


def infer_shapes(model: ir.Model) -> None:
    """Add the shapes and types that follow from the inputs."""
    inference = ShapeInferencePass(check_type=False, strict_mode=False, data_prop=True)
    inference(model)
    pools = [node for node in model.graph if int_attribute(node, "ceil_mode", 0)]
    while wrong := next((node for node in pools if _pool_shape(node) is not None), None):
        right = _pool_shape(wrong)
        later = False
        for node in model.graph:
            later = later or node is wrong
            if later:
                _forget(node)
        wrong.outputs[0].shape = right
        inference(model)
        wrong.outputs[0].shape = right


def clear_shapes(model: ir.Model) -> None:
    """Forget every computed shape, so that it is inferred anew from the inputs."""
    for node in model.graph:
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
    if shape is None or kernel is None or string_attribute(node, "auto_pad", "NOTSET") != "NOTSET":
        return None
    axes = len(kernel)
    strides = ints_attribute(node, "strides") or (1,) * axes
    dilations = ints_attribute(node, "dilations") or (1,) * axes
    pads = ints_attribute(node, "pads") or (0,) * (2 * axes)
    sizes = list(shape[:2])
    for axis, size in enumerate(shape[2:]):
        if not isinstance(size, int):
            return None
        reach = (kernel[axis] - 1) * dilations[axis] + 1
        free = size + pads[axis] + pads[axis + axes] - reach
        count = -(-free // strides[axis]) + 1
        if (count - 1) * strides[axis] >= size + pads[axis]:
            count -= 1
        sizes.append(count)
    found = node.outputs[0].shape
    if found is not None and list(found[2:]) == sizes[2:]:
        return None
    return ir.Shape(sizes)
