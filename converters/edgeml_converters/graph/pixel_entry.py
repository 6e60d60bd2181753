"""A graph that is fed the bytes of an image: its preparation becomes part of the first convolution.

``enter_pixels`` changes a float graph so that it reads pixels, still as floats, for whoever
calibrates it; ``take_bytes`` gives the input of what was made of it the type uint8.

What is scaled goes into the weights. What is subtracted goes into the bias, but only where no pixel
is missing: a convolution that pads reads zeros beyond the border, which stand for the mean, and not
for black. There the mean is subtracted before; in integers, where all channels have one mean, the
zero point says it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.attributes import (
    constant_input,
    int_attribute,
    ints_attribute,
    string_attribute,
)
from edgeml_converters.graph.axis_layout import NHWC_TO_NCHW, replace_input_layout
from edgeml_converters.graph.constants import add_constant, constant_array, free_name
from edgeml_converters.graph.passes.shapes import clear_shapes, infer_shapes
from edgeml_converters.graph.surgery import sole_reader

PIXEL_OFFSET: Final = "edgeml.pixel-offset"
"""Where an input has this among its metadata, its values are pixels less this whole number."""
_MEANS_AGREE: Final = 1e-3  # of 255


@dataclass(frozen=True)
class Preparation:
    """What is done to the pixels of an image: ``factor * pixel + offset``, channel by channel.

    Args:
        order: For each channel of the result, the channel of the image.
        factor: For each channel of the result.
        offset: Likewise.
    """

    order: tuple[int, ...]
    factor: tuple[float, ...]
    offset: tuple[float, ...]

    @property
    def means(self) -> np.ndarray:
        """The pixel values that become 0, for each channel of the result."""
        means: np.ndarray = -np.array(self.offset) / np.array(self.factor)
        return means


def enter_pixels(
    model: ir.Model, layout: str, preparation: Preparation, *, integers: bool = False
) -> bool:
    """Let the only input of *model* be pixels (1, height, width, channels), as float32.

    Args:
        model: An optimized graph; changed in place.
        layout: ``NCHW`` or ``NHWC``, of its input.
        preparation: What the graph expects to be done to them.
        integers: Whether it will be computed in 8-bit integers, where a mean beyond the border need
            not be more exact than half a step.

    Returns:
        Whether the first convolution took it all, or all but a mean.
    """
    graph = model.graph
    (old,) = graph.inputs
    name = old.name or ""
    assert old.shape is not None, "the layout was told from the shape"
    sizes = list(old.shape)
    height_width = sizes[2:] if layout == "NCHW" else sizes[1:3]
    pixels = ir.Value(
        name=name,
        type=ir.TensorType(ir.DataType.FLOAT),
        shape=ir.Shape([1, *height_width, len(preparation.order)]),
    )
    old.name = free_name(graph, f"{name}_prepared")
    conv = _first_conv(old, preparation)
    offset, steps = 0, _as_steps(preparation)
    if conv is not None:
        offset, steps = _fold(conv, preparation, integers=integers)
    pixels.metadata_props[PIXEL_OFFSET] = str(offset)
    entry = pixels
    axis = 3
    if layout == "NCHW":
        entry, axis = _put(graph, "Transpose", [entry], perm=list(NHWC_TO_NCHW)), 1
    for op_type, numbers in steps:
        if op_type == "Gather":
            index = add_constant(graph, f"{name}_order", numbers.astype(np.int64))
            entry = _put(graph, op_type, [entry, index], axis=axis)
        else:
            shape = [1, 1, 1, 1]
            shape[axis] = -1
            array = numbers.astype(np.float32).reshape(shape)
            entry = _put(graph, op_type, [entry, add_constant(graph, f"{name}_{op_type}", array)])
    old.replace_all_uses_with(entry)
    graph.inputs[0] = pixels
    replace_input_layout(graph, name, "NHWC")
    graph.sort()
    clear_shapes(model)
    infer_shapes(model)
    return conv is not None


def take_bytes(model: ir.Model, *, turned: bool) -> ir.Model:
    """Return a copy of *model* whose input, pixels of ``enter_pixels``, is of uint8.

    Where the graph rounds them first, at steps of 1, the bytes are these integers.

    Args:
        model: What was made of a graph of pixels, in any precision.
        turned: Whether a Transpose right behind the input is to move the bytes themselves.
    """
    model = model.clone()
    graph = model.graph
    (pixels,) = graph.inputs
    offset = int(pixels.metadata_props.pop(PIXEL_OFFSET))
    pixels.type = ir.TensorType(ir.DataType.UINT8)
    rounding, entry = _rounding(pixels), pixels
    users = list(pixels.uses()) if rounding is None else list(rounding.outputs[0].uses())
    turn = users[0].node if len(users) == 1 and users[0].node.op_type == "Transpose" else None
    if turned and turn is not None:
        entry = _put(graph, "Transpose", [entry], perm=turn.attributes["perm"].as_ints())
        entry.type = pixels.type
        after = _rounding(turn.outputs[0]) if rounding is not None else None
        last = turn if after is None else after
        users = list(last.outputs[0].uses())
    real = _real(graph, entry, offset, rounded=rounding is not None)
    whole = _subtracted(users[0].node) if turned and rounding is not None else None
    if whole is not None:  # which onnxruntime adds far slower than it reads bytes
        zeros = add_constant(graph, "pixel_means", whole.astype(np.uint8))
        ones = add_constant(graph, "pixel_scales", np.ones(len(whole), np.float32))
        axis = 1 if entry is not pixels else 3
        real = _put(graph, "DequantizeLinear", [entry, ones, zeros], axis=axis)
        users = list(users[0].node.outputs[0].uses())
    for use in users:
        use.node.replace_input_with(use.idx, real)
    _drop_unused(graph)
    graph.sort()
    clear_shapes(model)
    infer_shapes(model)
    return model


def _real(graph: ir.Graph, entry: ir.Value, offset: int, *, rounded: bool) -> ir.Value:
    """Add what makes floats of bytes."""
    if rounded:
        scale = add_constant(graph, "pixel_scale", np.array(1, np.float32))
        zero = add_constant(graph, "pixel_zero_point", np.array(offset, np.uint8))
        return _put(graph, "DequantizeLinear", [entry, scale, zero])
    real = _put(graph, "Cast", [entry], to=int(ir.DataType.FLOAT))
    if offset:
        subtracted = add_constant(graph, "pixel_offset", np.array(offset, np.float32))
        real = _put(graph, "Sub", [real, subtracted])
    return real


def _rounding(value: ir.Value) -> ir.Node | None:
    """Return the DequantizeLinear behind a value that is only rounded, at steps of 1 to int8."""
    down = sole_reader(value)
    if down is None or down.op_type != "QuantizeLinear" or len(down.inputs) < 3:
        return None
    up = sole_reader(down.outputs[0])
    scale, zero = constant_input(down, 1), constant_input(down, 2)
    if up is None or up.op_type != "DequantizeLinear" or scale is None or zero is None:
        return None
    return up if scale.size == 1 and float(scale) == 1.0 and zero.dtype == np.int8 else None


def _first_conv(value: ir.Value, preparation: Preparation) -> ir.Node | None:
    """Return the convolution that alone reads the input, if it can take the preparation."""
    node = sole_reader(value)
    if node is not None and node.op_type == "Transpose":
        node = sole_reader(node.outputs[0])
    if node is None or node.op_type != "Conv" or node.domain:
        return None
    weights = constant_input(node, 1)
    bias = node.inputs[2] if len(node.inputs) > 2 else None
    if weights is None or weights.dtype != np.float32 or int_attribute(node, "group", 1) != 1:
        return None
    known = bias is None or constant_array(bias) is not None
    return node if known and len(preparation.order) == weights.shape[1] else None


def _fold(
    conv: ir.Node, preparation: Preparation, *, integers: bool
) -> tuple[int, list[tuple[str, np.ndarray]]]:
    """Put a preparation into a convolution; return the offset of the input, and what is left."""
    weights = constant_input(conv, 1)
    assert weights is not None, "it was chosen for them"
    assert conv.graph is not None, "it is in one"
    factor, means = np.array(preparation.factor), preparation.means
    along = (1, -1, 1, 1)
    folded = np.zeros(weights.shape)
    folded[:, list(preparation.order)] = weights * factor.reshape(along)
    graph, name = conv.graph, conv.inputs[1].name if conv.inputs[1] is not None else ""
    conv.replace_input_with(1, add_constant(graph, f"{name}_pixels", folded.astype(np.float32)))
    offset, taken, steps = 0, np.zeros_like(means), list[tuple[str, np.ndarray]]()
    if _pads(conv):
        offset = round(float(np.clip(means.mean(), 0, 255)))
        if not integers or np.ptp(means) > _MEANS_AGREE:
            offset, taken = 0, np.rint(means) if integers else means
            ordered = np.empty_like(means)
            ordered[list(preparation.order)] = taken
            steps = [("Sub", ordered)] if np.any(taken) else []
    rest = np.array(preparation.offset) + factor * (taken if steps else offset)
    added = (weights.astype(np.float64) * rest.reshape(along)).sum(axis=(1, 2, 3))
    given = constant_input(conv, 2)
    bias = added if given is None else given + added
    if len(conv.inputs) < 3:
        conv.resize_inputs(3)
    conv.replace_input_with(2, add_constant(graph, f"{name}_bias", bias.astype(np.float32)))
    return offset, steps


def _pads(conv: ir.Node) -> bool:
    automatic = string_attribute(conv, "auto_pad", "NOTSET")
    return automatic.startswith("SAME") or any(ints_attribute(conv, "pads") or ())


def _as_steps(preparation: Preparation) -> list[tuple[str, np.ndarray]]:
    """Return a preparation as operators, for a network that does not start with a convolution."""
    steps: list[tuple[str, np.ndarray]] = []
    if preparation.order != tuple(sorted(preparation.order)):
        steps.append(("Gather", np.array(preparation.order)))
    if any(preparation.offset):
        steps.append(("Sub", preparation.means))
    if set(preparation.factor) != {1.0}:
        steps.append(("Mul", np.array(preparation.factor)))
    return steps


def _put(graph: ir.Graph, op_type: str, inputs: list[ir.Value], **attributes: object) -> ir.Value:
    node = ir.node(op_type, inputs, attributes)  # type: ignore[arg-type]  # numbers and lists
    node.outputs[0].name = node.name = free_name(graph, f"{inputs[0].name}_{op_type}")
    graph.append(node)
    return node.outputs[0]


def _subtracted(node: ir.Node) -> np.ndarray | None:
    """Return the whole numbers that a quantized Add takes from its channels, where it does that.

    Its constant is stored in steps of less than 1, so that they can be told.
    """
    for position in (0, 1):
        value = node.inputs[position]
        stored = None if value is None else value.producer()
        if node.op_type != "Add" or stored is None or stored.op_type != "DequantizeLinear":
            continue
        integers, scale, zero = (constant_input(stored, index) for index in range(3))
        if integers is None or scale is None or zero is None or not float(scale) < 1.0:
            continue
        numbers = np.rint((zero.astype(np.float64) - integers) * float(scale)).reshape(-1)
        return numbers if 0 <= numbers.min() <= numbers.max() <= 255 else None
    return None


def _drop_unused(graph: ir.Graph) -> None:
    for node in reversed(list(graph)):
        if all(not out.uses() and not out.is_graph_output() for out in node.outputs):
            graph.remove(node, safe=True)
    for name, value in list(graph.initializers.items()):
        if not value.uses() and not value.is_graph_output():
            del graph.initializers[name]
