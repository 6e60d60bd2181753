"""ConvTranspose: TRANSPOSE_CONV, one for each group, over images and over lines."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from edgeml_converters.graph.attributes import int_attribute, ints_attribute, string_attribute
from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.layout import CHANNELS_LAST
from edgeml_converters.tflite.ops.lines import lifted, lowered
from edgeml_converters.tflite.ops.op_slice import write_slice
from edgeml_converters.tflite.ops.weights import real_or_integer_bias, weighted_affine
from edgeml_converters.tflite.program import Affine, Tensor
from edgeml_converters.tflite.registry import lowering
from edgeml_converters.tflite.step import Step


def _integer_rule(step: Step) -> Affine | None:
    """Groups are added up after the product, which rounds in between."""
    grouped = int_attribute(step.node, "group", 1) != 1
    return None if grouped else weighted_affine(step, channel_axis=1)


@lowering("ConvTranspose", ports=CHANNELS_LAST, integer=_integer_rule, fuses_activation=True)
def lower_conv_transpose(step: Step, emit: Emitter) -> None:
    """Write a transposed convolution, without padding where TFLite's is another, then cut.

    TFLite's own paddings are those of TensorFlow's layers; any other padding of ONNX is a cut of
    the whole result, or zeros after it. Weights go from (I, O/groups, H, W) to (O, H, W, I).
    """
    array, affine = emit.constant_of(step, 1)
    spatial = array.ndim - 2
    if spatial not in {1, 2}:
        raise Refusal(f"only one and two spatial axes are supported, not {spatial}")
    array = array.reshape(*array.shape[:2], *((1,) * (2 - spatial)), *array.shape[2:])
    groups = int_attribute(step.node, "group", 1)
    array = _dilated(array, _lifted_ints(step, "dilations", 1, spatial))
    strides = _lifted_ints(step, "strides", 1, spatial)
    source = lifted(emit, emit.input(step, 0))
    with lowered(emit, emit.output(step)) as target:
        before = _cut_before(step, source, target, array, strides)
        kernels = array.shape[2:]
        sizes = source.shape[1:3]
        full = tuple((n - 1) * s + k for n, s, k in zip(sizes, strides, kernels, strict=True))
        if affine is not None:
            _write_integers(step, emit, (source, target), (array, affine), (strides, before))
            return
        is_same = _is_same(sizes, strides, full, target.shape[1:3], before)
        is_valid = full == target.shape[1:3] and not any(before)
        if groups == 1 and (is_same or is_valid):
            padding = "SAME" if is_same else "VALID"
            bias = _bias(step, emit, target.shape[3])
            with _activated(step, emit, target) as result:
                _write_part(emit, source, array, result, strides, bias=bias, padding=padding)
            return
        shape = (source.shape[0], *full, target.shape[3])
        whole = emit.like(target, "whole", shape)
        parts = _parts(emit, source, array, groups, whole)
        for part, kernel, result in parts:
            _write_part(emit, part, kernel, result, strides)
        if groups > 1:
            results = [result for _, _, result in parts]
            emit.operator(
                "CONCATENATION", results, [whole], axis=3, fused_activation_function="NONE"
            )
        cut = _cut(emit, whole, target, before)
        offset = emit.constant(f"{target.name}/bias", _bias(step, emit, target.shape[3]))
        emit.operator("ADD", [cut, offset], [target], fused_activation_function=step.activation)


def _write_integers(
    step: Step,
    emit: Emitter,
    ends: tuple[Tensor, Tensor],
    weights: tuple[np.ndarray, Affine],
    window: tuple[tuple[int, ...], tuple[int, int]],
) -> None:
    """Write the operator with its bias, so that it rounds once, and cut what is wanted.

    Where the result is longer than what the input reaches, it is the bias there: the operator
    writes it by itself, if its result is said to be so long.
    """
    (source, target), (array, affine), (strides, before) = ends, weights, window
    sizes, wanted = source.shape[1:3], target.shape[1:3]
    axes = zip(sizes, strides, array.shape[2:], strict=True)
    reached = tuple((n - 1) * s + k for n, s, k in axes)
    is_same = _is_same(sizes, strides, reached, wanted, before)
    full = tuple(
        max(reach, start + size) for reach, start, size in zip(reached, before, wanted, strict=True)
    )
    whole = target
    if not is_same and full != wanted:
        whole = emit.like(target, "whole", (target.shape[0], *full, target.shape[3]))
    stored = emit.constant(
        str(step.value(1).name),
        np.ascontiguousarray(array.transpose(1, 2, 3, 0)),
        Affine(affine.scale, affine.zero_point, 0),
    )
    bias = real_or_integer_bias(step, emit, source, stored, target.shape[3])
    padding = "SAME" if is_same else "VALID"
    with _activated(step, emit, whole) as result:
        _write_operator(emit, [stored, source, bias], result, strides, padding)
    if whole is not target:
        bounds = zip((0, *before, 0), target.shape, strict=True)
        write_slice(emit, whole, target, [slice(a, a + size, 1) for a, size in bounds])


def _is_same(
    sizes: tuple[int, ...],
    strides: tuple[int, ...],
    full: tuple[int, ...],
    wanted: tuple[int, ...],
    before: tuple[int, ...],
) -> bool:
    """Return whether the padding is TensorFlow's SAME: half of it, rounded down, comes first."""
    totals = [whole - size for whole, size in zip(full, wanted, strict=True)]
    fitting = [
        -(-size // stride) == given
        for given, stride, size in zip(sizes, strides, wanted, strict=True)
    ]
    halves = [0 <= total // 2 == first for total, first in zip(totals, before, strict=True)]
    return all((*fitting, *halves))


def _bias(step: Step, emit: Emitter, channels: int) -> np.ndarray:
    bias = emit.constant_of(step, 2)[0] if step.has(2) else np.zeros(channels)
    return bias.astype(np.float32)


@contextmanager
def _activated(step: Step, emit: Emitter, target: Tensor) -> Iterator[Tensor]:
    """Give what to write before the activation; TRANSPOSE_CONV applies one in new runtimes only."""
    if step.activation == "NONE":
        yield target
        return
    linear = emit.like(target, "linear")
    yield linear
    emit.operator(step.activation, [linear], [target])


def _lifted_ints(step: Step, name: str, default: int, spatial: int) -> tuple[int, ...]:
    given = ints_attribute(step.node, name) or (default,) * spatial
    return (*((1,) * (2 - spatial)), *given)


def _dilated(array: np.ndarray, dilations: tuple[int, ...]) -> np.ndarray:
    """Return weights with zeros between them: TRANSPOSE_CONV has no dilation."""
    if set(dilations) == {1}:
        return array
    reach = [(k - 1) * d + 1 for k, d in zip(array.shape[2:], dilations, strict=True)]
    spread = np.zeros((*array.shape[:2], *reach), array.dtype)
    spread[:, :, :: dilations[0], :: dilations[1]] = array
    return spread


def _cut_before(
    step: Step, source: Tensor, target: Tensor, array: np.ndarray, strides: tuple[int, ...]
) -> tuple[int, int]:
    """Return how much of the whole result is cut off before each spatial axis."""
    spatial = len(step.shape(0)) - 2
    automatic = string_attribute(step.node, "auto_pad", "NOTSET")
    if automatic in {"NOTSET", "VALID"} and ints_attribute(step.node, "output_shape") is None:
        pads = ints_attribute(step.node, "pads") or (0,) * (2 * spatial)
        before = pads[:spatial]
    else:
        # The total follows from the sizes; the lesser half is before, or after for SAME_UPPER.
        extra = _lifted_ints(step, "output_padding", 0, spatial)[2 - spatial :]
        totals = [
            max(0, (n - 1) * s + k + e - result)
            for n, s, k, e, result in zip(
                source.shape[3 - spatial : 3],
                strides[2 - spatial :],
                array.shape[4 - spatial :],
                extra,
                target.shape[3 - spatial : 3],
                strict=True,
            )
        ]
        upper = automatic == "SAME_UPPER"
        before = tuple(t // 2 if upper else t - t // 2 for t in totals)
    return (*((0,) * (2 - spatial)), *before)  # type: ignore[return-value]  # two in all


def _parts(
    emit: Emitter, source: Tensor, array: np.ndarray, groups: int, whole: Tensor
) -> list[tuple[Tensor, np.ndarray, Tensor]]:
    """Return input, weights and result of each group."""
    if groups == 1:
        return [(source, array, whole)]
    width = source.shape[3] // groups
    sources = [emit.like(source, f"group{at}", (*source.shape[:3], width)) for at in range(groups)]
    sizes = emit.constant(f"{whole.name}/sizes", np.full(groups, width, np.int32))
    axis = emit.constant(f"{whole.name}/axis", np.array(3, np.int32))
    emit.operator("SPLIT_V", [source, sizes, axis], sources, num_splits=groups)
    results = [
        emit.like(whole, f"group{at}", (*whole.shape[:3], whole.shape[3] // groups))
        for at in range(groups)
    ]
    return list(zip(sources, np.split(array, groups), results, strict=True))


def _write_part(
    emit: Emitter,
    source: Tensor,
    array: np.ndarray,
    target: Tensor,
    strides: tuple[int, ...],
    *,
    bias: np.ndarray | None = None,
    padding: str = "VALID",
) -> None:
    name = target.name
    biases = [] if bias is None else [emit.constant(f"{name}/bias", bias)]
    weights = emit.constant(f"{name}/weights", np.ascontiguousarray(array.transpose(1, 2, 3, 0)))
    _write_operator(emit, [weights, source, *biases], target, strides, padding)


def _write_operator(
    emit: Emitter, inputs: list[Tensor], target: Tensor, strides: tuple[int, ...], padding: str
) -> None:
    shape = emit.constant(f"{target.name}/shape", np.array(target.shape, np.int32))
    emit.operator(
        "TRANSPOSE_CONV",
        [shape, *inputs],
        [target],
        padding=padding,
        stride_h=strides[0],
        stride_w=strides[1],
    )


def _cut(emit: Emitter, whole: Tensor, target: Tensor, before: tuple[int, int]) -> Tensor:
    """Return the part of the whole result that is wanted; zeros where it is too short."""
    starts = (0, *before, 0)
    ends = [start + size for start, size in zip(starts, target.shape, strict=True)]
    missing = [max(0, end - size) for end, size in zip(ends, whole.shape, strict=True)]
    if any(missing):
        amounts = np.array([(0, amount) for amount in missing], np.int32)
        shape = tuple(s + m for s, m in zip(whole.shape, missing, strict=True))
        longer = emit.like(whole, "longer", shape)
        emit.operator("PAD", [whole, emit.constant(f"{whole.name}/amounts", amounts)], [longer])
        whole = longer
    if whole.shape == target.shape:
        return whole
    cut = emit.like(target, "cut")
    write_slice(emit, whole, cut, [slice(a, b, 1) for a, b in zip(starts, ends, strict=True)])
    return cut
