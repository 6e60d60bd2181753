"""MaxPool and AveragePool, over images and over lines."""

import numpy as np

from edgeml_converters.graph.attributes import int_attribute, ints_attribute, string_attribute
from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.layout import CHANNELS_LAST
from edgeml_converters.tflite.ops.lines import lifted, lowered
from edgeml_converters.tflite.program import Affine, Option, Tensor
from edgeml_converters.tflite.registry import lowering
from edgeml_converters.tflite.spatial import Window, padded, padded_explicitly, window_of
from edgeml_converters.tflite.step import Step, same_scale, same_scale_written


def _window(step: Step) -> Window:
    kernel = ints_attribute(step.node, "kernel_shape") or ()
    if len(kernel) not in {1, 2}:
        raise Refusal(f"only one and two spatial axes are supported, not {len(kernel)}")
    window = window_of(step.node, kernel, step.shape()[2:], step.output_shape[2:]).lifted()
    if any(dilation != 1 for dilation in window.dilations):
        raise Refusal("dilated pools have no TFLite form")
    counts_padding = int_attribute(step.node, "count_include_pad", 0)
    return window if counts_padding else window.cropped()


def _options(step: Step, window: Window, padding: str) -> dict[str, Option]:
    return {
        "padding": padding,
        "stride_h": window.strides[0],
        "stride_w": window.strides[1],
        "filter_height": window.kernel[0],
        "filter_width": window.kernel[1],
        "fused_activation_function": step.activation,
    }


@lowering("MaxPool", ports=CHANNELS_LAST, integer=same_scale, fuses_activation=True)
def lower_max_pool(step: Step, emit: Emitter) -> None:
    """Write a maximum pool; padding that TFLite does not know is written as lowest values."""
    if any(value.uses() or value.is_graph_output() for value in step.node.outputs[1:]):
        raise Refusal("its second output (indices) has no TFLite form")
    window = _window(step)
    source = lifted(emit, emit.input(step, 0))
    # Where nothing is negative, zero is as good as the lowest value, and PAD is faster than PADV2.
    fill = None if _is_not_negative(source, emit) else float(np.finfo(np.float32).min)
    source, padding = padded(emit, source, window, fill)
    with lowered(emit, emit.output(step)) as target:
        emit.operator("MAX_POOL_2D", [source], [target], **_options(step, window, padding))


def _is_not_negative(tensor: Tensor, emit: Emitter) -> bool:
    if tensor.affine is not None:
        return tensor.affine.zero_point[0] == np.iinfo(tensor.dtype).min
    for operator in emit.program.operators:
        if tensor in operator.outputs:
            activation = operator.options.get("fused_activation_function")
            return activation in {"RELU", "RELU6"} or operator.code in {"RELU", "RELU6"}
    return False


def _average_rule(step: Step) -> Affine | None:
    """The int8 pool cannot rescale, and has no form for padding that counts in part.

    SAME leaves all of it out.
    """
    counts = int_attribute(step.node, "count_include_pad", 0)
    padding = any(ints_attribute(step.node, "pads") or ())
    automatic = string_attribute(step.node, "auto_pad", "NOTSET") not in {"NOTSET", "VALID"}
    partial = (padding or automatic) and not counts
    if partial or int_attribute(step.node, "ceil_mode", 0):
        try:
            window = _window(step)
        except Refusal:
            return None
        if counts or not (window.is_same or window.is_valid):
            return None
    return same_scale_written(step)


@lowering("AveragePool", ports=CHANNELS_LAST, integer=_average_rule, fuses_activation=True)
def lower_average_pool(step: Step, emit: Emitter) -> None:
    """Write an average pool.

    TFLite's SAME leaves padding out of the average. Other padding is written as zeros, and where a
    window then averages over more elements than it should, a factor per position sets it right.
    """
    window = _window(step)
    source = lifted(emit, emit.input(step, 0))
    counts_padding = bool(int_attribute(step.node, "count_include_pad", 0))
    factor = None
    if window.is_valid:
        padding = "VALID"
    elif window.is_same and not counts_padding:
        padding = "SAME"
    else:
        padding, source = "VALID", padded_explicitly(emit, source, window)
        factor = _correction(window, counts_padding=counts_padding)
    with lowered(emit, emit.output(step)) as target:
        if factor is None:
            emit.operator("AVERAGE_POOL_2D", [source], [target], **_options(step, window, padding))
            return
        mean = emit.like(target, "mean")
        options = _options(step, window, padding) | {"fused_activation_function": "NONE"}
        emit.operator("AVERAGE_POOL_2D", [source], [mean], **options)
        scale = emit.constant(f"{target.name}/factor", factor)
        activation = step.activation
        emit.operator("MUL", [mean, scale], [target], fused_activation_function=activation)


def _correction(window: Window, *, counts_padding: bool) -> np.ndarray | None:
    """Return what to multiply averages by, of shape (1, H, W, 1); ``None`` where it is all one.

    Padding that `ceil_mode` adds beyond the given one never counts.
    """
    counts: list[np.ndarray] = []
    for axis, kernel in enumerate(window.kernel):
        before, after = window.before[axis], window.after[axis]
        first = np.arange(window.output[axis]) * window.strides[axis] - before
        low = -before if counts_padding else 0
        high = window.size[axis] + (after if counts_padding else 0)
        counts.append(np.minimum(first + kernel, high) - np.maximum(first, low))
    elements = np.outer(*counts)
    whole = int(np.prod(window.kernel))
    if np.all(elements == whole):
        return None
    factor = (whole / elements).astype(np.float32)
    return factor.reshape(1, *window.output, 1)
