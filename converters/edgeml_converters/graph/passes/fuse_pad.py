"""Moves explicit zero padding into the convolution or average pool that reads it."""

import onnx_ir as ir

from edgeml_converters.graph.attributes import (
    Padding,
    input_value,
    int_attribute,
    ints_attribute,
    padding,
    string_attribute,
)


def fuse_pad(model: ir.Model) -> bool:
    """Fuse constant zero Pad nodes over spatial axes into Conv and AveragePool."""
    changed = False
    for node in list(model.graph):
        if node.op_type != "Pad" or node.domain:
            continue
        source, added = input_value(node, 0), _spatial_zero_padding(node)
        if source is None or added is None:
            continue
        for use in list(node.outputs[0].uses()):
            if use.idx == 0 and _takes(use.node, added):
                _give(use.node, added)
                use.node.replace_input_with(0, source)
                changed = True
    return changed


def _spatial_zero_padding(node: ir.Node) -> Padding | None:
    shape = node.outputs[0].shape
    if shape is None or shape.rank() < 3:
        return None
    added = padding(node, shape.rank())
    if added is None or added.mode != "constant" or added.value != 0.0:
        return None
    outer = (*added.before[:2], *added.after[:2])
    negative = min((*added.before, *added.after)) < 0
    return None if any(outer) or negative else added


def _takes(node: ir.Node, added: Padding) -> bool:
    if node.domain or string_attribute(node, "auto_pad", "NOTSET") not in {"NOTSET", "VALID"}:
        return False
    if node.op_type == "Conv":
        return True
    if node.op_type != "AveragePool" or int_attribute(node, "ceil_mode", 0):
        return False
    # A pool of its own padding that does not count it cannot tell it from ours, which counts.
    counts = int_attribute(node, "count_include_pad", 0) or not any(_pads(node, added))
    kernel = ints_attribute(node, "kernel_shape") or ()
    total = zip(_pads(node, added), added.before[2:] + added.after[2:], strict=True)
    # onnxruntime refuses a pool whose padding is not smaller than its kernel.
    return bool(counts) and all(a + b < k for (a, b), k in zip(total, kernel * 2, strict=True))


def _give(node: ir.Node, added: Padding) -> None:
    pads = [
        a + b for a, b in zip(_pads(node, added), added.before[2:] + added.after[2:], strict=True)
    ]
    node.attributes["pads"] = ir.AttrInt64s("pads", pads)
    node.attributes.pop("auto_pad", None)
    if node.op_type == "AveragePool":
        node.attributes["count_include_pad"] = ir.AttrInt64("count_include_pad", 1)


def _pads(node: ir.Node, added: Padding) -> tuple[int, ...]:
    if string_attribute(node, "auto_pad", "NOTSET") == "VALID":
        return (0,) * (2 * (len(added.before) - 2))
    return ints_attribute(node, "pads") or (0,) * (2 * (len(added.before) - 2))
