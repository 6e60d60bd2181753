"""Families of operators on images and lines: convolutions, pools, norms, resampling."""

from typing import Any

import numpy as np

from benchmarks.random_graphs.registry import add, family
from benchmarks.random_graphs.sketch import Known, Sketch
from benchmarks.random_graphs.table import Row


def _windows(sketch: Sketch, source: Known, largest: int, *, dilate: bool) -> dict[str, Any]:
    """Draw kernel, strides, padding and dilation that fit a source."""
    spatial = source.shape[2:]
    kernel = [sketch.draw(1, min(largest, size)) for size in spatial]
    given: dict[str, Any] = {"kernel_shape": kernel}
    if sketch.chance(2):
        given["strides"] = [sketch.draw(1, 3) for _ in spatial]
    if dilate and sketch.chance(4):
        given["dilations"] = [sketch.draw(1, 2) for _ in spatial]
    if sketch.chance(4):
        given["auto_pad"] = sketch.choose(("SAME_UPPER", "SAME_LOWER", "VALID"))
    elif not sketch.chance(3):
        around = [k // 2 for k in kernel]
        drawn = [sketch.draw(0, k - 1) for k in kernel * 2]
        given["pads"] = around * 2 if sketch.chance(2) else drawn
    return given


@family
def conv(sketch: Sketch, row: Row) -> list[Known] | None:
    """A convolution: plain, depthwise or in groups, with or without bias."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    given = _windows(sketch, source, 3, dilate=True)
    channels = source.shape[1]
    divisors = [g for g in range(1, channels + 1) if channels % g == 0]
    groups = sketch.choose([1, 1, channels, sketch.choose(divisors)])
    made = groups * sketch.draw(1, max(1, 6 // groups))
    inputs = [source, sketch.weights(made, channels // groups, *given["kernel_shape"])]
    if sketch.chance(2):
        inputs.append(sketch.weights(made))
    return add(sketch, row, inputs, group=groups, **given)


@family
def conv_transpose(sketch: Sketch, row: Row) -> list[Known] | None:
    """A transposed convolution."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    given = _windows(sketch, source, 3, dilate=False)
    given["kernel_shape"] = [sketch.draw(1, 4) for _ in source.shape[2:]]
    strides = given.get("strides", [1] * (source.rank - 2))
    if "pads" in given:
        given["pads"] = [sketch.draw(0, k // 2) for k in given["kernel_shape"] * 2]
    # With automatic padding, onnx and onnxruntime tell different sizes.
    if "auto_pad" not in given and sketch.chance(4):
        given["output_padding"] = [sketch.draw(0, s - 1) for s in strides]
    channels = source.shape[1]
    groups = sketch.choose([1, 1, 1, channels])
    each = sketch.draw(1, max(1, 4 // groups))
    inputs = [source, sketch.weights(channels, each, *given["kernel_shape"])]
    if sketch.chance(2):
        inputs.append(sketch.weights(groups * each))
    return add(sketch, row, inputs, group=groups, **given)


@family
def pool(sketch: Sketch, row: Row) -> list[Known] | None:
    """A pool."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    given = _windows(sketch, source, 4, dilate=False)
    if sketch.opset >= 10 and sketch.chance(3):
        given["ceil_mode"] = 1
    if row.op_type == "AveragePool" and sketch.chance(2):
        given["count_include_pad"] = 1
    return add(sketch, row, [source], **given)


@family
def batch_norm(sketch: Sketch, row: Row) -> list[Known] | None:
    """As in inference."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    channels = source.shape[1]
    parts = [sketch.weights(channels) for _ in range(3)]
    variance = sketch.constant(sketch.rng.uniform(0.5, 1.5, channels).astype(np.float32))
    return add(sketch, row, [source, *parts, variance])


@family
def instance_norm(sketch: Sketch, row: Row) -> list[Known] | None:
    """Over the spatial axes of each image."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    channels = source.shape[1]
    parts = [sketch.weights(channels), sketch.weights(channels)]
    return add(sketch, row, [source, *parts], epsilon=1e-3)


@family
def blocks(sketch: Sketch, row: Row) -> list[Known] | None:
    """Blocks of elements to channels and back."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    _, channels, height, width = source.shape
    to_depth = row.op_type == "SpaceToDepth"
    sizes = [
        size
        for size in (2, 3)
        if (height % size == width % size == 0 if to_depth else channels % (size * size) == 0)
    ]
    if not sizes:
        return None
    given = {"blocksize": sketch.choose(sizes)}
    if not to_depth and sketch.opset >= 11:
        given["mode"] = sketch.choose(("DCR", "CRD"))
    return add(sketch, row, [source], **given)


@family
def pad(sketch: Sketch, row: Row) -> list[Known] | None:
    """Around some axes, with a constant mostly."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    first = sketch.choose((0, min(2, source.rank - 1)))
    amounts = [sketch.draw(0, 2) if at >= first else 0 for at in range(source.rank)]
    after = [sketch.draw(0, 2) if at >= first else 0 for at in range(source.rank)]
    given: dict[str, Any] = {"pads": np.array([*amounts, *after], np.int64)}
    if sketch.chance(8):
        given["mode"] = sketch.choose(("reflect", "edge"))
    elif sketch.chance(3):
        name = "value" if sketch.opset < 11 else "constant_value"
        given[name] = np.array(sketch.between(-2, 2), source.dtype)
    return add(sketch, row, [source], **given)


_FORMS = (
    {"coordinate_transformation_mode": "half_pixel"},
    {"coordinate_transformation_mode": "pytorch_half_pixel"},
    {"coordinate_transformation_mode": "align_corners"},
    {"coordinate_transformation_mode": "asymmetric"},
)
_NEAREST = ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil")


@family
def resize(sketch: Sketch, row: Row) -> list[Known] | None:
    """Resampling by scales or to sizes."""
    source = sketch.pick(row.types, row.ranks)
    if source is None:
        return None
    given: dict[str, Any] = {"mode": sketch.choose(("nearest", "linear"))}
    if row.op_type == "Resize" and sketch.opset >= 11:
        given |= sketch.choose(_FORMS)
        if given["mode"] == "nearest":
            given["nearest_mode"] = sketch.choose(_NEAREST)
    scales = [sketch.choose((1.0, 2.0, 3.0, 1.5, 0.5)) for _ in source.shape[2:]]
    if row.op_type == "Upsample":
        scales = [max(scale, 1.0) for scale in scales]
    # By scales that give no whole size, onnxruntime aligns the corners of the size, and onnx those
    # of the product.
    whole = all(size * f == int(size * f) for size, f in zip(source.shape[2:], scales, strict=True))
    aligned = given.get("coordinate_transformation_mode") == "align_corners"
    by_sizes = row.op_type == "Resize" and sketch.opset >= 11 and sketch.chance(2)
    if by_sizes or (aligned and not whole):
        sizes = [max(1, int(s * f)) for s, f in zip(source.shape[2:], scales, strict=True)]
        given["sizes"] = np.array([*source.shape[:2], *sizes], np.int64)
    else:
        given["scales"] = np.array([1.0, 1.0, *scales], np.float32)
    if row.op_type == "Resize" and 11 <= sketch.opset < 13:
        given["roi"] = np.zeros(0, np.float32)
        given.setdefault("scales", np.zeros(0, np.float32))
    return add(sketch, row, [source], **given)
