"""CONV_2D, DEPTHWISE_CONV_2D and TRANSPOSE_CONV."""

import numpy as np
import onnx_ir as ir

from edgeml_converters.tflite.program import Affine, Tensor
from edgeml_converters.tflite_import.activation import activated
from edgeml_converters.tflite_import.emitter import Emitter
from edgeml_converters.tflite_import.layout import CHANNELS_FIRST
from edgeml_converters.tflite_import.registry import importing
from edgeml_converters.tflite_import.spatial import dilations, strides, window_pads
from edgeml_converters.tflite_import.step import Step

_OHWI_TO_OIHW = (0, 3, 1, 2)
_OHWI_TO_IOHW = (3, 0, 1, 2)
_1HWC_TO_C1HW = (3, 0, 1, 2)


@importing("CONV_2D", ports=CHANNELS_FIRST)
def raise_conv(step: Step, emit: Emitter) -> None:
    """Add a Conv; fewer channels in the weights than in the input make it a grouped one."""
    weights = step.input(1)  # (O, H, W, I)
    groups = step.input().shape[-1] // weights.shape[-1]
    _add_conv(step, emit, emit.arranged(weights, _OHWI_TO_OIHW), weights.shape[1:3], groups)


@importing("DEPTHWISE_CONV_2D", ports=CHANNELS_FIRST)
def raise_depthwise(step: Step, emit: Emitter) -> None:
    """Add a Conv with a group for each channel of the input."""
    weights = step.input(1)  # (1, H, W, C)
    groups = step.input().shape[-1]
    _add_conv(step, emit, emit.arranged(weights, _1HWC_TO_C1HW), weights.shape[1:3], groups)


def _add_conv(
    step: Step, emit: Emitter, weights: ir.Value, kernel: tuple[int, ...], groups: int
) -> None:
    size = step.input().shape[1:3]
    inputs = [emit.input(step), weights]
    if step.has(2):
        inputs.append(bias_value(step, emit, 2, step.input(), step.input(1)))
    made = emit.node(
        "Conv",
        *inputs,
        kernel_shape=list(kernel),
        strides=list(strides(step)),
        dilations=list(dilations(step)),
        pads=window_pads(step, size, kernel, strides(step), dilations(step)),
        group=groups,
    )
    emit.output(step, activated(step, emit, made))


@importing("TRANSPOSE_CONV", ports=CHANNELS_FIRST)
def raise_transpose_conv(step: Step, emit: Emitter) -> None:
    """Add a ConvTranspose; the output's size decides what is cut off.

    TFLite pads as the forward convolution over the output would: the lesser half before.
    """
    weights = step.input(1)  # (O, H, W, I)
    kernel, steps = weights.shape[1:3], strides(step)
    size, made_size = step.input(2).shape[1:3], step.output.shape[1:3]
    before = window_pads(step, made_size, kernel, steps)[:2]
    whole = [(n - 1) * s + k for n, s, k in zip(size, steps, kernel, strict=True)]
    surplus = [w - b - m for w, b, m in zip(whole, before, made_size, strict=True)]
    inputs = [emit.input(step, 2), emit.arranged(weights, _OHWI_TO_IOHW)]
    if step.has(3):
        inputs.append(bias_value(step, emit, 3, step.input(2), weights))
    made = emit.node(
        "ConvTranspose",
        *inputs,
        kernel_shape=list(kernel),
        strides=list(steps),
        pads=[*before, *(max(s, 0) for s in surplus)],
        output_padding=[max(-s, 0) for s in surplus],
    )
    emit.output(step, activated(step, emit, made))


def bias_value(step: Step, emit: Emitter, index: int, source: Tensor, weights: Tensor) -> ir.Value:
    """Return a bias: integers at the scale ``input * weights`` are kept, 64-bit ones made real.

    Args:
        step: The convolution or product.
        emit: The graph.
        index: The input that the bias is.
        source: What is multiplied.
        weights: What it is multiplied by.
    """
    bias = step.input(index)
    if bias.data is None or bias.dtype.kind != "i":
        return emit.input(step, index)
    affine = bias.affine
    if affine is None and source.affine is not None and weights.affine is not None:
        scales = np.float32(source.affine.scale[0]) * np.array(weights.affine.scale, np.float32)
        affine = Affine(tuple(map(float, scales)), (0,) * len(scales), 0)
    if affine is None:
        return emit.constant(bias.name, bias.data.astype(np.float32))
    return emit.dequantized(bias.name, bias.data, Affine(affine.scale, affine.zero_point, 0))
