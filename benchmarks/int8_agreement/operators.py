"""A graph for every operator that has an int8 rule, by the name of the operator and its form."""

import math
from collections.abc import Callable, Mapping

import numpy as np
import onnx_ir as ir

from benchmarks.int8_agreement.sketch import CHANNELS, SHAPE, Sketch

Build = Callable[[Sketch, str], str | list[str]]
"""Adds the operator behind a tensor; returns the outputs of the graph."""


def _simple(op_type: str, **attributes: float | str | list[int]) -> Build:
    return lambda s, x: s.op(op_type, x, **attributes)


def _pair(op_type: str, **attributes: int) -> Build:
    return lambda s, x: s.op(op_type, x, s.input(), **attributes)


def _with_integers(op_type: str, *integers: list[int], **attributes: int) -> Build:
    return lambda s, x: s.op(op_type, x, *(s.constant(i, "int64") for i in integers), **attributes)


def _per_channel(op_type: str) -> Build:
    return lambda s, x: s.op(op_type, x, s.constant(s.random.uniform(0.2, 2, (CHANNELS, 1, 1))))


def _conv(out: int, side: int, group: int = 1, **attributes: list[int]) -> Build:
    def build(s: Sketch, x: str) -> str:
        fan_in = CHANNELS // group * side * side
        weights = s.normal(out, CHANNELS // group, side, side, scale=fan_in**-0.5)
        return s.op("Conv", x, weights, s.normal(out, scale=0.1), group=group, **attributes)

    return build


def _transposed(side: int, **attributes: list[int]) -> Build:
    def build(s: Sketch, x: str) -> str:
        weights = s.normal(CHANNELS, 5, side, side, scale=0.3)
        return s.op("ConvTranspose", x, weights, s.normal(5, scale=0.1), **attributes)

    return build


def _matrix(op_type: str) -> Build:
    def build(s: Sketch, x: str) -> str:
        flat = s.op("Flatten", x)
        width = math.prod(SHAPE[1:])
        bias = [s.normal(7)] if op_type == "Gemm" else []
        return s.op(op_type, flat, s.normal(width, 7, scale=width**-0.5), *bias)

    return build


def _product(s: Sketch, x: str) -> str:
    return s.op("MatMul", x, s.op("Transpose", s.input(), perm=[0, 1, 3, 2]))


def _resize(mode: str, coordinates: str, scale: float = 2.0) -> Build:
    extra = {"nearest_mode": "floor"} if coordinates == "asymmetric" else {}
    return lambda s, x: s.op(
        "Resize",
        x,
        "",
        s.constant([1, 1, scale, scale]),
        mode=mode,
        coordinate_transformation_mode=coordinates,
        **extra,
    )


def _split(s: Sketch, x: str) -> list[str]:
    return s.ops("Split", (x, s.constant([2, 4], "int64")), 2, {"axis": 1})


def _batch_norm(s: Sketch, x: str) -> str:
    joined = s.op("Concat", x, s.input(), axis=1)
    numbers = (s.constant(s.random.uniform(0.5, 1.5, 2 * CHANNELS)) for _ in range(4))
    return s.op("BatchNormalization", joined, *numbers)


def _spelled_gelu(s: Sketch, x: str) -> str:
    erf = s.op("Erf", s.op("Div", x, s.constant(math.sqrt(2))))
    return s.op("Mul", s.op("Mul", x, s.op("Add", erf, s.constant(1))), s.constant(0.5))


def _spelled_hard_swish(s: Sketch, x: str) -> str:
    gate = s.op("Clip", s.op("Add", x, s.constant(3)), s.constant(0), s.constant(6))
    return s.op("Div", s.op("Mul", x, gate), s.constant(6))


def _silu(s: Sketch, x: str) -> str:
    return s.op("Mul", x, s.op("Sigmoid", x))


def _clip(low: float, high: float) -> Build:
    # Behind a selection, so that no operator before it clips.
    def build(s: Sketch, x: str) -> str:
        selected = s.op("MaxPool", x, kernel_shape=[1, 1])
        return s.op("Clip", selected, s.constant(low), s.constant(high))

    return build


def _clamped_beside_others(s: Sketch, x: str) -> str:
    conv = s.op("Conv", x, s.normal(8, CHANNELS, 1, 1, scale=CHANNELS**-0.5))
    return s.op("Concat", s.op("Relu", conv), x, axis=1)


CASES: Mapping[str, Build] = {
    "Add": _pair("Add"),
    "Add a constant": _per_channel("Add"),
    "AveragePool": _simple("AveragePool", kernel_shape=[2, 2], strides=[2, 2]),
    "AveragePool with padding": _simple("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    "BatchNormalization": _batch_norm,
    "Clip": _clip(-0.5, 1.0),
    "Concat": _pair("Concat", axis=1),
    "Conv": _conv(8, 3, pads=[1, 1, 1, 1]),
    "Conv with a Relu at the scale of others": _clamped_beside_others,
    "Conv by channel": _conv(CHANNELS, 3, CHANNELS, strides=[2, 2]),
    "Conv in groups": _conv(8, 1, 2),
    "ConvTranspose": _transposed(2, strides=[2, 2]),
    "ConvTranspose with padding": _transposed(
        3, strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1]
    ),
    "DepthToSpace": lambda s, x: s.op(
        "DepthToSpace", s.op("Concat", x, s.input(), axis=1), blocksize=2, mode="CRD"
    ),
    "Div by a constant": _per_channel("Div"),
    "Expand": lambda s, x: s.op(
        "Expand", s.op("ReduceMax", x, s.constant([2, 3], "int64")), s.constant(SHAPE, "int64")
    ),
    "Flatten": _simple("Flatten"),
    "Gather": _with_integers("Gather", [3, 1, 0], axis=1),
    "Gelu": _simple("Gelu"),
    "Gelu, spelled out": _spelled_gelu,
    "Gemm": _matrix("Gemm"),
    "GlobalAveragePool": _simple("GlobalAveragePool"),
    "GlobalMaxPool": _simple("GlobalMaxPool"),
    "HardSigmoid": _simple("HardSigmoid", alpha=1 / 6),
    "HardSwish": _simple("HardSwish"),
    "HardSwish, spelled out": _spelled_hard_swish,
    "LeakyRelu": _simple("LeakyRelu", alpha=0.1),
    "MatMul": _matrix("MatMul"),
    "MatMul of activations": _product,
    "Max": _pair("Max"),
    "MaxPool": _simple("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
    "Min": _pair("Min"),
    "Mul": _pair("Mul"),
    "Mul by a constant": _per_channel("Mul"),
    "Neg": _simple("Neg"),
    "PRelu": _per_channel("PRelu"),
    "Pad": _with_integers("Pad", [0, 0, 1, 1, 0, 0, 1, 2]),
    "ReduceMax": _with_integers("ReduceMax", [2, 3], keepdims=0),
    "ReduceMean": _with_integers("ReduceMean", [1]),
    "ReduceMean over images": _with_integers("ReduceMean", [2, 3]),
    "ReduceMin": _with_integers("ReduceMin", [1]),
    "ReduceSum": _with_integers("ReduceSum", [2, 3]),
    "Relu": lambda s, x: s.op("Relu", s.op("MaxPool", x, kernel_shape=[1, 1])),
    "Reshape": _with_integers("Reshape", [1, CHANNELS, 80]),
    "Resize linear": _resize("linear", "half_pixel"),
    "Resize linear to the corners": _resize("linear", "align_corners"),
    "Resize nearest": _resize("nearest", "asymmetric"),
    "Resize nearest, unlike TFLite's": _resize("nearest", "half_pixel", 1.5),
    "Sigmoid": _simple("Sigmoid"),
    "SiLU": _silu,
    "Slice": _with_integers("Slice", [1, 6], [5, 0], [1, 2], [1, -2]),
    "Softmax": _simple("Softmax", axis=1),
    "SpaceToDepth": _simple("SpaceToDepth", blocksize=2),
    "Split": _split,
    "Squeeze": lambda s, x: s.op("Squeeze", s.op("GlobalMaxPool", x), s.constant([2, 3], "int64")),
    "Sub": _pair("Sub"),
    "Sub a constant": _per_channel("Sub"),
    "Tanh": _simple("Tanh"),
    "Tile": _with_integers("Tile", [1, 1, 2, 2]),
    "Transpose": _simple("Transpose", perm=[0, 3, 1, 2]),
    "Unsqueeze": _with_integers("Unsqueeze", [1]),
}


def operator_of(case: str) -> str:
    """Return the ONNX operator that a case is about."""
    return case.replace(",", "").split()[0]


def graph_of(case: str) -> ir.Model:
    """Return the optimized float graph of a case."""
    sketch = Sketch(np.random.default_rng(sum(case.encode())))
    outputs = CASES[case](sketch, sketch.input())
    return sketch.model(*([outputs] if isinstance(outputs, str) else outputs))
