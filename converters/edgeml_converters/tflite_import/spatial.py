"""TFLite's padding of sliding windows, as the explicit amounts that ONNX wants.

SAME makes ``ceil(size / stride)`` windows and pads so that they fit, the lesser half before the
first element; VALID pads nothing (tensorflow/lite/kernels/padding.h).
"""

from edgeml_converters.tflite_import.step import Step


def strides(step: Step) -> tuple[int, int]:
    """Return the steps (height, width) from one window to the next."""
    return step.number_of("stride_h", 1), step.number_of("stride_w", 1)


def dilations(step: Step) -> tuple[int, int]:
    """Return the distances (height, width) of a window's elements."""
    return step.number_of("dilation_h_factor", 1), step.number_of("dilation_w_factor", 1)


def window_pads(
    step: Step,
    size: tuple[int, ...],
    kernel: tuple[int, ...],
    steps: tuple[int, ...],
    spread: tuple[int, ...] = (1, 1),
) -> list[int]:
    """Return the padding before each spatial axis, then after each.

    Args:
        step: Says which padding.
        size: The spatial shape of the input.
        kernel: The spatial shape of the window.
        steps: From one window to the next.
        spread: The distances of the window's elements.
    """
    if step.option("padding", "SAME") == "VALID":
        return [0] * (2 * len(size))
    before, after = [], []
    for length, elements, stride, distance in zip(size, kernel, steps, spread, strict=True):
        reach = (elements - 1) * distance + 1
        total = max((-(-length // stride) - 1) * stride + reach - length, 0)
        before.append(total // 2)
        after.append(total - total // 2)
    return [*before, *after]
