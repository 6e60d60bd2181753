"""Windows that slide over an image: sizes, strides, padding; and how TFLite pads for them."""

import math
from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from edgeml_converters.graph.attributes import ints_attribute, string_attribute
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.program import Tensor


@dataclass(frozen=True)
class Window:
    """A sliding window over the spatial axes (height, width).

    Args:
        kernel: Elements of the window.
        strides: Elements from one window to the next.
        dilations: Distance between elements of the window.
        before: Padding before the first element, as the ONNX node has it.
        after: Padding after the last element, as the ONNX node has it.
        size: The input.
        output: The number of windows.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    size: tuple[int, ...]
    output: tuple[int, ...]

    @property
    def reach(self) -> tuple[int, ...]:
        """The elements that a window spans, dilation included."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations, strict=True))

    @property
    def needed_after(self) -> tuple[int, ...]:
        """The padding that the last window reaches into; less or more than ``after``."""
        return tuple(
            max((count - 1) * stride + reach - size - before, 0)
            for count, stride, reach, size, before in zip(
                self.output, self.strides, self.reach, self.size, self.before, strict=True
            )
        )

    @property
    def is_valid(self) -> bool:
        """Whether no window reaches into padding (TFLite's VALID)."""
        return not any(self.before) and not any(self.needed_after)

    @property
    def is_same(self) -> bool:
        """Whether the padding is what TFLite's SAME adds: the lesser half before."""
        return all(
            count == math.ceil(size / stride)
            and before == max((count - 1) * stride + reach - size, 0) // 2
            for count, size, stride, before, reach in zip(
                self.output, self.size, self.strides, self.before, self.reach, strict=True
            )
        )

    def cropped(self) -> "Window":
        """Return a window without the padding that it starts or ends in, where there is but one."""
        if any(count != 1 for count in self.output):
            return self
        sizes = zip(self.kernel, self.before, self.size, strict=True)
        kernel = tuple(min(k - before, size) for k, before, size in sizes)
        none = (0,) * len(kernel)
        strides = tuple(max(pair) for pair in zip(self.strides, self.size, strict=True))
        return replace(self, kernel=kernel, strides=strides, before=none, after=none)

    def lifted(self) -> "Window":
        """Return the window over an image, for one over a line: the line is one row high."""
        if len(self.kernel) == 2:
            return self
        return replace(
            self,
            kernel=(1, *self.kernel),
            strides=(1, *self.strides),
            dilations=(1, *self.dilations),
            before=(0, *self.before),
            after=(0, *self.after),
            size=(1, *self.size),
            output=(1, *self.output),
        )


def window_of(
    node: ir.Node, kernel: tuple[int, ...], size: tuple[int, ...], output: tuple[int, ...]
) -> Window:
    """Return the window of a Conv or pool node.

    Args:
        node: Gives strides, dilations and padding.
        kernel: The spatial shape of the weights or of the pool.
        size: The spatial shape of the input.
        output: The spatial shape of the output.
    """
    ones = (1,) * len(kernel)
    strides = ints_attribute(node, "strides") or ones
    dilations = ints_attribute(node, "dilations") or ones
    window = Window(kernel, strides, dilations, ones, ones, size, output)
    pads = ints_attribute(node, "pads") or (0,) * (2 * len(kernel))
    before, after = pads[: len(kernel)], pads[len(kernel) :]
    automatic = string_attribute(node, "auto_pad", "NOTSET")
    if automatic == "VALID":
        before = after = (0,) * len(kernel)
    elif automatic in {"SAME_UPPER", "SAME_LOWER"}:
        total = replace(window, before=(0,) * len(kernel)).needed_after
        lesser = tuple(t // 2 for t in total)
        greater = tuple(t - half for t, half in zip(total, lesser, strict=True))
        upper = automatic == "SAME_UPPER"
        before, after = (lesser, greater) if upper else (greater, lesser)
    return replace(window, before=before, after=after)


def padded(
    emit: Emitter, source: Tensor, window: Window, fill: float | None = None
) -> tuple[Tensor, str]:
    """Return the tensor to slide over and TFLite's name of the padding.

    Where neither SAME nor VALID is what the window needs, a PAD is written.

    Args:
        emit: The program.
        source: Of shape (N, H, W, C).
        window: Two-dimensional.
        fill: What the padding holds; ``None`` for zero (or the zero point).
    """
    if window.is_valid:
        return source, "VALID"
    if window.is_same:
        return source, "SAME"
    return padded_explicitly(emit, source, window, fill), "VALID"


def padded_explicitly(
    emit: Emitter, source: Tensor, window: Window, fill: float | None = None
) -> Tensor:
    """Return the tensor with all padding that the windows reach into written out."""
    amounts = np.array(
        [(0, 0), *zip(window.before, window.needed_after, strict=True), (0, 0)], np.int32
    )
    shape = tuple(s + int(a.sum()) for s, a in zip(source.shape, amounts, strict=True))
    target = emit.like(source, "padded", shape)
    pads = emit.constant(f"{target.name}/amounts", amounts)
    if fill is None:
        emit.operator("PAD", [source, pads], [target])
        return target
    if source.affine is None:
        value = emit.constant(f"{target.name}/fill", np.array([fill], np.float32))
    else:
        # The lowest integer stands for the lowest value.
        lowest = np.iinfo(source.dtype).min
        value = emit.constant(
            f"{target.name}/fill", np.array([lowest], source.dtype), source.affine
        )
    emit.operator("PADV2", [source, pads, value], [target])
    return target
