"""Whether the four axes of an input or output are an image, told from the operators next to it.

ONNX's spatial operators work on (N, C, H, W). So a rank-4 tensor that reaches one, through
operators that keep its axes, is NCHW; one that first meets the Transpose which a channels-last
exporter puts there is NHWC. Anything else has no image layout.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import onnx_ir as ir

NHWC_TO_NCHW = (0, 3, 1, 2)
NCHW_TO_NHWC = (0, 2, 3, 1)

SPATIAL = frozenset(
    {
        "AveragePool",
        "BatchNormalization",
        "Conv",
        "ConvInteger",
        "ConvTranspose",
        "DepthToSpace",
        "GlobalAveragePool",
        "GlobalMaxPool",
        "InstanceNormalization",
        "LRN",
        "MaxPool",
        "QLinearConv",
        "Resize",
        "SpaceToDepth",
        "Upsample",
    }
)
AXES_KEPT = frozenset(
    [
        "Abs",
        "Acos",
        "Acosh",
        "Add",
        "And",
        "Asin",
        "Asinh",
        "Atan",
        "Atanh",
        "BitShift",
        "BitwiseAnd",
        "BitwiseNot",
        "BitwiseOr",
        "BitwiseXor",
        "Cast",
        "CastLike",
        "Ceil",
        "Celu",
        "Clip",
        "Concat",
        "Cos",
        "Cosh",
        "CumSum",
        "DequantizeLinear",
        "Div",
        "Dropout",
        "Elu",
        "Equal",
        "Erf",
        "Exp",
        "Floor",
        "Gelu",
        "Greater",
        "GreaterOrEqual",
        "HardSigmoid",
        "HardSwish",
        "Hardmax",
        "Identity",
        "IsInf",
        "IsNaN",
        "LayerNormalization",
        "LeakyRelu",
        "Less",
        "LessOrEqual",
        "Log",
        "LogSoftmax",
        "LpNormalization",
        "Max",
        "Mean",
        "Min",
        "Mish",
        "Mod",
        "Mul",
        "Neg",
        "Not",
        "Or",
        "PRelu",
        "Pad",
        "Pow",
        "QuantizeLinear",
        "RMSNormalization",
        "Reciprocal",
        "Relu",
        "Round",
        "Selu",
        "Shrink",
        "Sigmoid",
        "Sign",
        "Sin",
        "Sinh",
        "Slice",
        "Softmax",
        "Softplus",
        "Softsign",
        "Split",
        "Sqrt",
        "Sub",
        "Sum",
        "Swish",
        "Tan",
        "Tanh",
        "ThresholdedRelu",
        "Tile",
        "Where",
        "Xor",
    ]
)
_RECORD = "edgeml.axis-layouts"
_RANK = 4


@dataclass(frozen=True)
class BorderLayouts:
    """The layouts of a graph's inputs and outputs, by name: ``NCHW``, ``NHWC`` or empty."""

    inputs: Mapping[str | None, str]
    outputs: Mapping[str | None, str]


def border_layouts(graph: ir.Graph) -> BorderLayouts:
    """Return what the graph's inputs and outputs are, as it was when this was first asked.

    Passes that rewrite operators leave the answer as it was, so that all that is made of a model
    agrees on it.
    """
    known = graph.meta.get(_RECORD)
    if not isinstance(known, BorderLayouts):
        known = BorderLayouts(
            {value.name: image_layout(value) for value in graph.inputs},
            {value.name: image_layout(value) for value in graph.outputs},
        )
        graph.meta[_RECORD] = known
    return known


def replace_input_layout(graph: ir.Graph, name: str, layout: str) -> None:
    """Note that the input *name*, which was replaced, has another layout now."""
    known = border_layouts(graph)
    graph.meta[_RECORD] = BorderLayouts({**known.inputs, name: layout}, known.outputs)


def image_layout(start: ir.Value) -> str:
    """Return ``NCHW``, ``NHWC`` or empty for an input or output of a graph.

    Walks away from it, nearest first, until an operator tells what the axes are.
    """
    if start.shape is None or len(start.shape) != _RANK:
        return ""
    queue, seen = [start], {id(start)}
    for value in queue:
        for node in _neighbours(value):
            if node.op_type in SPATIAL:
                return "NCHW"
            if _is_channels_last_beyond(node, value):
                return "NHWC"
            if node.op_type not in AXES_KEPT:
                continue
            for onward in (*node.outputs, *node.inputs):
                if onward is not None and id(onward) not in seen and _may_be_image(onward):
                    seen.add(id(onward))
                    queue.append(onward)
    return ""


def _neighbours(value: ir.Value) -> Iterator[ir.Node]:
    """Yield the nodes that read a value, and the one that makes it."""
    yield from value.consumers()
    producer = value.producer()
    if producer is not None:
        yield producer


def _is_channels_last_beyond(node: ir.Node, value: ir.Value) -> bool:
    """Whether a value is what a Transpose makes channels-first, or has made channels-last."""
    if node.op_type != "Transpose":
        return False
    wanted = NCHW_TO_NHWC if value in node.outputs else NHWC_TO_NCHW
    return tuple(node.attributes.get_ints("perm", ())) == wanted


def _may_be_image(value: ir.Value) -> bool:
    if value.is_initializer() or (value.shape is not None and len(value.shape) != _RANK):
        return False
    producer = value.producer()
    return producer is None or producer.op_type != "Constant"
