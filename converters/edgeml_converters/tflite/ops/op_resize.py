"""Resize and Upsample: TFLite's two resizers where they do the same, else products of matrices.

Every mode of Resize but ``nearest`` is linear and separable: along each axis, the result is a fixed
matrix times the input. Where TFLite's own resizer has another rule for coordinates, that matrix is
written as a constant; ``nearest`` becomes a GATHER along each axis.
"""

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.attributes import (
    constant_input,
    float_attribute,
    int_attribute,
    ints_attribute,
    opset,
    string_attribute,
)
from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.layout import CHANNELS_LAST, SOURCE, Ports
from edgeml_converters.tflite.order import Order
from edgeml_converters.tflite.program import Affine, Tensor
from edgeml_converters.tflite.registry import lowering
from edgeml_converters.tflite.resampling import Axis, nearest_places, weights
from edgeml_converters.tflite.step import Step, same_scale, shape_of

_RANK = 4
_NATIVE_COORDINATES = {
    ("linear", "half_pixel"): (False, True),
    ("linear", "pytorch_half_pixel"): (False, True),
    ("linear", "align_corners"): (True, False),
    ("linear", "asymmetric"): (False, False),
}


def _mode(node: ir.Node) -> tuple[str, str]:
    mode = string_attribute(node, "mode", "nearest")
    if node.op_type == "Upsample" or opset(node) < 11:
        return mode, "asymmetric"
    return mode, string_attribute(node, "coordinate_transformation_mode", "half_pixel")


def _axes(step: Step) -> list[Axis]:
    """Return how each axis is resampled, in the order of the source."""
    node, sizes, results = step.node, step.shape(0), shape_of(step.output)
    rank = len(sizes)
    _, coordinates = _mode(node)
    given = ints_attribute(node, "axes")
    chosen = [axis % rank for axis in given] if given is not None else list(range(rank))
    scales = _scales(node)
    roi = constant_input(node, 1) if coordinates == "tf_crop_and_resize" else None
    axes = []
    for axis, (size, result) in enumerate(zip(sizes, results, strict=True)):
        place = chosen.index(axis) if axis in chosen else None
        scale = result / size
        if place is not None and scales is not None:
            scale = float(scales[place])
        region = (0.0, 1.0)
        if roi is not None and place is not None:
            region = (float(roi[place]), float(roi[place + len(chosen)]))
        axes.append(Axis(size, result, scale, coordinates, region))
    return axes


def _scales(node: ir.Node) -> np.ndarray | None:
    old = ints_or_floats(node)
    if old is not None:
        return old
    index = 1 if node.op_type == "Upsample" or opset(node) < 11 else 2
    array = constant_input(node, index)
    if array is None or array.size == 0:
        return None
    keeps = string_attribute(node, "keep_aspect_ratio_policy", "stretch") != "stretch"
    return None if keeps else array.reshape(-1)


def ints_or_floats(node: ir.Node) -> np.ndarray | None:
    """Return the scales that old versions have as an attribute."""
    attribute = node.attributes.get("scales")
    return None if attribute is None else np.array(attribute.as_floats())


def _is_native(step: Step) -> bool:
    """Whether one of TFLite's resizers does exactly this."""
    try:
        axes = _axes(step)
    except Refusal:
        return False
    if len(axes) != _RANK or any(axis.size != axis.result for axis in axes[:2]):
        return False
    mode, coordinates = _mode(step.node)
    exact = all(axis.scale == axis.result / axis.size for axis in axes)
    if mode == "nearest":
        # TFLite takes the floor of index / scale.
        rounding = string_attribute(step.node, "nearest_mode", "round_prefer_floor")
        whole = all(axis.result % axis.size == 0 for axis in axes)
        old = step.node.op_type == "Upsample" or opset(step.node) < 11
        floor = coordinates == "asymmetric" and (old or rounding == "floor")
        centred = coordinates == "half_pixel" and _is_nearest_plain(axes, rounding)
        return whole and (floor or centred)
    if mode != "linear" or int_attribute(step.node, "antialias", 0):
        return False
    single = coordinates == "pytorch_half_pixel" and any(axis.result == 1 for axis in axes[2:])
    return (mode, coordinates) in _NATIVE_COORDINATES and exact and not single


def _is_nearest_plain(axes: list[Axis], rounding: str) -> bool:
    """Whether rounding centres of enlarged pixels gives the pixel that they came from."""
    return all(
        bool(
            np.array_equal(
                nearest_places(axis, rounding),
                np.arange(axis.result) * axis.size // axis.result,
            )
        )
        for axis in axes
    )


def _ports(step: Step) -> Ports:
    return CHANNELS_LAST if _is_native(step) else SOURCE


def _integer_rule(step: Step) -> Affine | None:
    """TFLite's resizers and selections take int8; products of matrices would round on the way."""
    nearest = _mode(step.node)[0] == "nearest"
    return same_scale(step) if nearest or _is_native(step) else None


@lowering("Resize", "Upsample", ports=_ports, integer=_integer_rule)
def lower_resize(step: Step, emit: Emitter) -> None:
    """Write a resizer, or a product or selection for each axis whose size changes."""
    source, target = emit.input(step, 0), emit.output(step)
    axes = _axes(step)
    mode, coordinates = _mode(step.node)
    if emit.layout.reads[step] is Order.CHANNELS_LAST:
        size = emit.constant(f"{target.name}/size", np.array(target.shape[1:3], np.int32))
        if mode == "nearest":
            code, align, half = "RESIZE_NEAREST_NEIGHBOR", False, False
        else:
            code = "RESIZE_BILINEAR"
            align, half = _NATIVE_COORDINATES[mode, coordinates]
        emit.operator(code, [source, size], [target], align_corners=align, half_pixel_centers=half)
        return
    changed = [at for at, axis in enumerate(axes) if axis.is_changed]
    if not changed:
        emit.reshape(source, target)
    for at in changed:
        last = at == changed[-1]
        shape = tuple(axes[i].result if i <= at else s for i, s in enumerate(source.shape))
        result = target if last else emit.like(target, f"axis{at}", shape)
        if mode == "nearest":
            _select(step, emit, (source, result), at, axes[at])
        else:
            _multiply(step, emit, (source, result), at, axes[at])
        source = result


def _select(step: Step, emit: Emitter, ends: tuple[Tensor, Tensor], at: int, axis: Axis) -> None:
    source, target = ends
    rounding = string_attribute(step.node, "nearest_mode", "round_prefer_floor")
    if step.node.op_type == "Upsample" or opset(step.node) < 11:
        rounding = "floor"
    if axis.coordinates == "tf_crop_and_resize":
        raise Refusal("a nearest resize of a region is not supported")
    places = emit.constant(f"{target.name}/places", nearest_places(axis, rounding))
    emit.operator("GATHER", [source, places], [target], axis=at, batch_dims=0)


def _multiply(step: Step, emit: Emitter, ends: tuple[Tensor, Tensor], at: int, axis: Axis) -> None:
    source, target = ends
    matrix = weights(axis, step.node)
    if float_attribute(step.node, "extrapolation_value", 0.0) and not matrix.any(axis=1).all():
        raise Refusal("extrapolation by another value than zero is not supported")
    if source.dtype != np.float32:
        raise Refusal(f"resizing elements of type {source.dtype} is not supported")
    rank = len(source.shape)
    if at == rank - 1:
        _product(emit, source, matrix, target)
        return
    # The axis goes to the end, is multiplied there, and goes back.
    order = (*(i for i in range(rank) if i != at), at)
    turned = emit.like(source, "turned", tuple(source.shape[i] for i in order))
    emit.transpose(source, turned, order)
    product = emit.like(target, "turned", (*turned.shape[:-1], axis.result))
    _product(emit, turned, matrix, product)
    back = tuple(order.index(i) for i in range(rank))
    emit.transpose(product, target, back)


def _product(emit: Emitter, source: Tensor, matrix: np.ndarray, target: Tensor) -> None:
    rows = emit.constant(f"{target.name}/weights", matrix.astype(np.float32))
    bias = emit.constant(f"{target.name}/bias", np.zeros(len(matrix), np.float32))
    emit.operator(
        "FULLY_CONNECTED",
        [source, rows, bias],
        [target],
        fused_activation_function="NONE",
        keep_num_dims=True,
    )
