"""Every operator in the importer's table computes what LiteRT computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edgeml_converters.tflite_import import importable_operators

if TYPE_CHECKING:
    from tests.converters.tflite_import.conftest import File, Imported

IMAGE = (1, 5, 6, 4)
SAME, VALID = 0, 1
RELU, RELU_N1_TO_1, RELU6, TANH = 1, 2, 3, 4
RNG = np.random.default_rng(11)
Case = Callable[["File"], int]
CASES: dict[str, tuple[str, Case]] = {}


def case(name: str, code: str) -> Callable[[Case], Case]:
    """Register a function that builds a file around one operator and returns its output."""

    def register(build: Case) -> Case:
        CASES[name] = (code, build)
        return build

    return register


def one(
    name: str,
    code: str,
    given: list[Any],
    shape: tuple[int, ...],
    options: str = "",
    *,
    dtype: str = "float32",
    **values: Any,  # noqa: ANN401 - the fields of the options
) -> None:
    """Register an operator on inputs (shapes; or a type with a shape) and constants (arrays)."""

    def build(file: File) -> int:
        tensors = [_tensor(file, part) for part in given]
        output = file.tensor(shape, dtype)
        file.op(code, tensors, [output], options, **values)
        return output

    case(name, code)(build)


def _tensor(file: File, part: Any) -> int:  # noqa: ANN401 - a shape, a typed shape or an array
    if isinstance(part, np.ndarray):
        return file.constant(part, str(part.dtype))
    if isinstance(part[0], str):
        return file.input(part[1], part[0])
    return file.input(part)


def ints(*numbers: int | list[int]) -> np.ndarray:
    return np.array(numbers, np.int32)


def floats(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


_UNARY = (
    "ABS CEIL COS ELU EXP FLOOR HARD_SWISH LOG LOGISTIC NEG RELU RELU6 RELU_0_TO_1 RELU_N1_TO_1 "
    "ROUND RSQRT SIGN SIN SQRT SQUARE TANH"
)
for _code in _UNARY.split():
    one(_code, _code, [IMAGE], IMAGE)
for _code in ("ADD", "DIV", "MUL", "SUB"):
    _options = f"{_code.title()}Options"
    one(_code, _code, [IMAGE, IMAGE], IMAGE, _options, fusedActivationFunction=RELU6)
    one(f"{_code} by channel", _code, [IMAGE, floats(4)], IMAGE, _options)
    one(f"{_code} of a row", _code, [IMAGE, (6, 4)], IMAGE, _options)
one("ADD bounded", "ADD", [IMAGE, IMAGE], IMAGE, "AddOptions", fusedActivationFunction=RELU_N1_TO_1)
for _code in ("FLOOR_DIV", "FLOOR_MOD", "MAXIMUM", "MINIMUM", "POW", "SQUARED_DIFFERENCE"):
    one(_code, _code, [IMAGE, IMAGE], IMAGE)
one("FLOOR_MOD of integers", "FLOOR_MOD", [("int32", (3, 4)), ints(3)], (3, 4), dtype="int32")
for _code in ("EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL"):
    one(_code, _code, [("int32", (3, 4)), ("int32", (3, 4))], (3, 4), dtype="bool")
for _code in ("LOGICAL_AND", "LOGICAL_OR"):
    one(_code, _code, [("bool", (3, 4)), ("bool", (3, 4))], (3, 4), dtype="bool")
one("LOGICAL_NOT", "LOGICAL_NOT", [("bool", (3, 4))], (3, 4), dtype="bool")
one("LEAKY_RELU", "LEAKY_RELU", [IMAGE], IMAGE, "LeakyReluOptions", alpha=0.2)
one("PRELU", "PRELU", [IMAGE, floats(1, 1, 4)], IMAGE)
one("GELU", "GELU", [IMAGE], IMAGE, "GeluOptions", approximate=False)
one("GELU approximated", "GELU", [IMAGE], IMAGE, "GeluOptions", approximate=True)
one("SELECT", "SELECT", [("bool", (3,)), (3, 4), (3, 4)], (3, 4))
one("SELECT_V2", "SELECT_V2", [("bool", (3, 1)), (3, 4), (3, 4)], (3, 4))
one("CAST", "CAST", [("int32", IMAGE)], IMAGE, "CastOptions")
one("MEAN", "MEAN", [IMAGE, ints(1, 2)], (1, 4), "ReducerOptions", keepDims=False)
one("MEAN kept", "MEAN", [IMAGE, ints(1, 2)], (1, 1, 1, 4), "ReducerOptions", keepDims=True)
one("MEAN of channels", "MEAN", [IMAGE, ints(3)], (1, 5, 6), "ReducerOptions", keepDims=False)
for _code in ("REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "SUM"):
    one(_code, _code, [IMAGE, ints(2, -1)], (1, 5), "ReducerOptions", keepDims=False)
one("ARG_MAX", "ARG_MAX", [IMAGE, ints(3)], (1, 5, 6), "ArgMaxOptions", dtype="int32", outputType=2)
one("ARG_MIN", "ARG_MIN", [(3, 7), ints(1)], (3,), "ArgMinOptions", dtype="int64", outputType=4)
one("CUMSUM", "CUMSUM", [(3, 7), ints(1)], (3, 7), "CumsumOptions", exclusive=True, reverse=False)
one("SOFTMAX", "SOFTMAX", [IMAGE], IMAGE, "SoftmaxOptions", beta=1.0)
one("SOFTMAX scaled", "SOFTMAX", [(2, 7)], (2, 7), "SoftmaxOptions", beta=0.5)
one("LOG_SOFTMAX", "LOG_SOFTMAX", [IMAGE], IMAGE)
one("L2_NORMALIZATION", "L2_NORMALIZATION", [IMAGE], IMAGE, "L2NormOptions")
one(
    "LOCAL_RESPONSE_NORMALIZATION",
    "LOCAL_RESPONSE_NORMALIZATION",
    [IMAGE],
    IMAGE,
    "LocalResponseNormalizationOptions",
    radius=1,
    bias=1.0,
    alpha=0.3,
    beta=0.75,
)
for _code, _padding, _shape in (
    ("AVERAGE_POOL_2D", SAME, (1, 3, 3, 4)),
    ("AVERAGE_POOL_2D", VALID, (1, 2, 2, 4)),
    ("MAX_POOL_2D", SAME, (1, 3, 3, 4)),
):
    one(
        f"{_code} {_padding}",
        _code,
        [IMAGE],
        _shape,
        "Pool2DOptions",
        padding=_padding,
        strideH=2,
        strideW=2,
        filterHeight=3,
        filterWidth=3,
        fusedActivationFunction=RELU,
    )
for _corners, _half in ((False, False), (True, False), (False, True)):
    for _code, _table in (
        ("RESIZE_BILINEAR", "ResizeBilinearOptions"),
        ("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions"),
    ):
        one(
            f"{_code} {_corners} {_half}",
            _code,
            [IMAGE, ints(7, 9)],
            (1, 7, 9, 4),
            _table,
            alignCorners=_corners,
            halfPixelCenters=_half,
        )
one(
    "DEPTH_TO_SPACE",
    "DEPTH_TO_SPACE",
    [(1, 2, 3, 8)],
    (1, 4, 6, 2),
    "DepthToSpaceOptions",
    blockSize=2,
)
one(
    "SPACE_TO_DEPTH",
    "SPACE_TO_DEPTH",
    [(1, 4, 6, 2)],
    (1, 2, 3, 8),
    "SpaceToDepthOptions",
    blockSize=2,
)
one(
    "RESHAPE",
    "RESHAPE",
    [IMAGE, ints(1, 6, 5, 4)],
    (1, 6, 5, 4),
    "ReshapeOptions",
    newShape=[1, 6, 5, 4],
)
one("SQUEEZE", "SQUEEZE", [(1, 5, 1, 4)], (5, 4), "SqueezeOptions", squeezeDims=[0, 2])
one("EXPAND_DIMS", "EXPAND_DIMS", [(5, 4), ints(1)], (5, 1, 4), "ExpandDimsOptions")
one("TRANSPOSE", "TRANSPOSE", [IMAGE, ints(0, 2, 3, 1)], (1, 6, 4, 5))
one("PACK", "PACK", [(3, 4), (3, 4)], (3, 2, 4), "PackOptions", axis=1, valuesCount=2)
one("BROADCAST_TO", "BROADCAST_TO", [(1, 4), ints(3, 4)], (3, 4), version=2)
one("TILE", "TILE", [(2, 3), ints(2, 1)], (4, 3))
one("CONCATENATION", "CONCATENATION", [IMAGE, IMAGE], (1, 5, 6, 8), "ConcatenationOptions", axis=-1)
one("SLICE", "SLICE", [IMAGE, ints(0, 1, 0, 2), ints(1, 3, -1, 2)], (1, 3, 6, 2))
one("GATHER", "GATHER", [(5, 4), ints(3, 0)], (2, 4), "GatherOptions", axis=0)
one("GATHER_ND", "GATHER_ND", [(5, 4), ints([3, 1], [0, 2])], (2,))
one("REVERSE_V2", "REVERSE_V2", [IMAGE, ints(1)], IMAGE)
one("PAD", "PAD", [IMAGE, ints([0, 0], [1, 2], [0, 1], [0, 0])], (1, 8, 7, 4))
one("PADV2", "PADV2", [IMAGE, ints([0, 0], [1, 2], [0, 1], [0, 0]), floats()], (1, 8, 7, 4))
one(
    "MIRROR_PAD",
    "MIRROR_PAD",
    [IMAGE, ints([0, 0], [1, 2], [0, 1], [0, 0])],
    (1, 8, 7, 4),
    "MirrorPadOptions",
    mode=0,
)
one(
    "BATCH_MATMUL",
    "BATCH_MATMUL",
    [(2, 3, 4), (2, 5, 4)],
    (2, 3, 5),
    "BatchMatMulOptions",
    adjX=False,
    adjY=True,
)
one(
    "STRIDED_SLICE",
    "STRIDED_SLICE",
    [IMAGE, ints(0, 4, 1, 0), ints(1, 0, 3, 4), ints(1, -2, 1, 1)],
    (1, 3, 2, 4),
    "StridedSliceOptions",
    beginMask=0,
    endMask=2,
)
one(
    "STRIDED_SLICE dropping",
    "STRIDED_SLICE",
    [IMAGE, ints(0, 2, 0, -1), ints(1, 3, 0, 0), ints(1, 1, 1, 1)],
    (1, 6),
    "StridedSliceOptions",
    endMask=4,
    shrinkAxisMask=2 + 8,
)
one(
    "FULLY_CONNECTED",
    "FULLY_CONNECTED",
    [(2, 3, 4), floats(5, 12), floats(5)],
    (2, 5),
    "FullyConnectedOptions",
)
one(
    "FULLY_CONNECTED kept",
    "FULLY_CONNECTED",
    [(2, 3, 4), floats(5, 4)],
    (2, 3, 5),
    "FullyConnectedOptions",
    keepNumDims=True,
    fusedActivationFunction=RELU,
)
one("DEQUANTIZE", "DEQUANTIZE", [np.ones((3, 4), np.float16)], (3, 4))
for _name, _weights, _padding, _shape, _stride, _dilation in (
    ("same", (7, 3, 3, 4), SAME, (1, 3, 3, 7), 2, 1),
    ("valid", (7, 3, 2, 4), VALID, (1, 3, 5, 7), 1, 1),
    ("dilated", (7, 2, 2, 4), SAME, (1, 5, 6, 7), 1, 2),
    ("grouped", (6, 3, 3, 2), SAME, (1, 5, 6, 6), 1, 1),
):
    one(
        f"CONV_2D {_name}",
        "CONV_2D",
        [IMAGE, floats(*_weights), floats(_weights[0])],
        _shape,
        "Conv2DOptions",
        padding=_padding,
        strideH=_stride,
        strideW=_stride,
        dilationHFactor=_dilation,
        dilationWFactor=_dilation,
        fusedActivationFunction=RELU6,
    )
one(
    "DEPTHWISE_CONV_2D",
    "DEPTHWISE_CONV_2D",
    [IMAGE, floats(1, 3, 3, 8), floats(8)],
    (1, 3, 3, 8),
    "DepthwiseConv2DOptions",
    padding=SAME,
    strideH=2,
    strideW=2,
    depthMultiplier=2,
    fusedActivationFunction=RELU6,
)
for _name, _padding, _size, _stride in (
    ("same", SAME, (10, 12), 2),
    ("cut", SAME, (9, 11), 2),
    ("valid", VALID, (11, 13), 2),
    ("sparse", VALID, (15, 18), 3),
):
    one(
        f"TRANSPOSE_CONV {_name}",
        "TRANSPOSE_CONV",
        [ints(1, *_size, 7), floats(7, 3, 3, 4), IMAGE],
        (1, *_size, 7),
        "TransposeConvOptions",
        padding=_padding,
        strideH=_stride,
        strideW=_stride,
    )


@case("UNPACK", "UNPACK")
def _unpack(file: File) -> int:
    parts = [file.tensor((3, 4)) for _ in range(2)]
    file.op("UNPACK", [file.input((3, 2, 4))], parts, "UnpackOptions", num=2, axis=1)
    return parts[1]


@case("SPLIT", "SPLIT")
def _split(file: File) -> int:
    parts = [file.tensor((1, 5, 6, 2)) for _ in range(2)]
    file.op(
        "SPLIT", [file.constant(3, "int32"), file.input(IMAGE)], parts, "SplitOptions", numSplits=2
    )
    return parts[1]


@case("SPLIT_V", "SPLIT_V")
def _split_v(file: File) -> int:
    parts = [file.tensor((1, 5, 6, 1)), file.tensor((1, 5, 6, 3))]
    given = [file.input(IMAGE), file.constant([1, 3], "int32"), file.constant(3, "int32")]
    file.op("SPLIT_V", given, parts, "SplitVOptions", numSplits=2)
    return parts[1]


@case("QUANTIZE", "QUANTIZE")
def _quantize(file: File) -> int:
    output = file.tensor((3, 4), "int8", quantized=([0.02], [-10], 0))
    file.op("QUANTIZE", [file.input((3, 4))], [output])
    return output


@pytest.mark.parametrize("name", CASES)
def test_an_operator_alone(name: str, tflite: File, same: Callable[..., Imported]) -> None:
    same(tflite.finish(CASES[name][1](tflite)))


@pytest.mark.parametrize("name", CASES)
def test_an_operator_behind_a_convolution(
    name: str, tflite: File, same: Callable[..., Imported]
) -> None:
    """The convolution leaves its result channels first, so that the layout has to turn it."""
    output = CASES[name][1](tflite)
    first = tflite.operators[0]
    place = next((n for n, t in enumerate(first.inputs) if t in tflite.inputs), None)
    if place is None or tflite.tensors[first.inputs[place]].type != 0:
        return
    inner = first.inputs[place]
    shape = tuple(int(size) for size in tflite.tensors[inner].shape)
    if len(shape) != 4:
        return
    outer = tflite.tensor(shape)
    weights = tflite.constant(RNG.uniform(0.1, 1.0, (shape[3], 3, 3, shape[3])))
    bias = tflite.constant(np.zeros(shape[3]))
    tflite.op(
        "CONV_2D",
        [outer, weights, bias],
        [inner],
        "Conv2DOptions",
        strideH=1,
        strideW=1,
        dilationHFactor=1,
        dilationWFactor=1,
    )
    tflite.operators.insert(0, tflite.operators.pop())
    tflite.inputs[tflite.inputs.index(inner)] = outer
    same(tflite.finish(output))


def test_every_operator_has_a_case() -> None:
    assert {code for code, _ in CASES.values()} == set(importable_operators())
