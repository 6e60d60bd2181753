"""Conv: CONV_2D and DEPTHWISE_CONV_2D, over images and over lines."""

import numpy as np

from edgeml_converters.graph.attributes import int_attribute
from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.layout import CHANNELS_LAST
from edgeml_converters.tflite.ops.lines import lifted, lowered
from edgeml_converters.tflite.ops.weights import real_or_integer_bias, weighted_affine
from edgeml_converters.tflite.program import Affine, Option
from edgeml_converters.tflite.registry import lowering
from edgeml_converters.tflite.spatial import padded, window_of
from edgeml_converters.tflite.step import Step


def _integer_rule(step: Step) -> Affine | None:
    return weighted_affine(step, channel_axis=0)


@lowering("Conv", ports=CHANNELS_LAST, integer=_integer_rule, fuses_activation=True)
def lower_conv(step: Step, emit: Emitter) -> None:
    """Write a convolution; weights go from (O, I/groups, H, W) to TFLite's order.

    A depthwise convolution (as many groups as input channels) has weights (1, H, W, O) there,
    others (O, H, W, I/groups).
    """
    array, affine = emit.constant_of(step, 1)
    if array.ndim not in {3, 4}:
        raise Refusal(f"only one and two spatial axes are supported, not {array.ndim - 2}")
    window = window_of(step.node, array.shape[2:], step.shape()[2:], step.output_shape[2:]).lifted()
    array = array.reshape(*array.shape[:2], *window.kernel)
    channels, groups = step.shape()[1], int_attribute(step.node, "group", 1)
    depthwise = groups > 1 and groups == channels
    arranged = array.transpose(1, 2, 3, 0) if depthwise else array.transpose(0, 2, 3, 1)
    stored = (
        None if affine is None else Affine(affine.scale, affine.zero_point, 3 if depthwise else 0)
    )
    weights = emit.constant(str(step.value(1).name), np.ascontiguousarray(arranged), stored)
    source = lifted(emit, emit.input(step, 0))
    bias = real_or_integer_bias(step, emit, source, weights, array.shape[0])
    source, padding = padded(emit, source, window)
    options: dict[str, Option] = {
        "padding": padding,
        "stride_h": window.strides[0],
        "stride_w": window.strides[1],
        "dilation_h_factor": window.dilations[0],
        "dilation_w_factor": window.dilations[1],
        "fused_activation_function": step.activation,
    }
    if depthwise:
        options["depth_multiplier"] = array.shape[0] // channels
    with lowered(emit, emit.output(step)) as target:
        code = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
        emit.operator(code, [source, weights, bias], [target], **options)
