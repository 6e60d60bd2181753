"""Whether the four axes of an input or output are an image, told from the operators next to it.

ONNX's spatial operators work on (N, C, H, W). So a rank-4 tensor that reaches one, through
operators that keep its axes, is NCHW; one that first meets the Transpose which a channels-last
exporter puts there is NHWC. Anything else has no image layout.
"""

from collections.abc import Callable, Iterable

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
    {
        "Add",
        "Cast",
        "Clip",
        "Concat",
        "DequantizeLinear",
        "Div",
        "HardSigmoid",
        "HardSwish",
        "Identity",
        "LeakyRelu",
        "Mul",
        "PRelu",
        "Pad",
        "Pow",
        "QuantizeLinear",
        "Relu",
        "Sigmoid",
        "Slice",
        "Softmax",
        "Sub",
        "Tanh",
    }
)


def input_layout(value: ir.Value) -> str:
    """Return ``NCHW``, ``NHWC`` or empty for a graph input."""
    return _search(value, NHWC_TO_NCHW, _users, _results)


def output_layout(value: ir.Value) -> str:
    """Return ``NCHW``, ``NHWC`` or empty for a graph output."""
    return _search(value, NCHW_TO_NHWC, _makers, _operands)


def _users(value: ir.Value) -> Iterable[ir.Node]:
    return value.consumers()


def _makers(value: ir.Value) -> Iterable[ir.Node]:
    producer = value.producer()
    return () if producer is None else (producer,)


def _results(node: ir.Node) -> Iterable[ir.Value]:
    return node.outputs


def _operands(node: ir.Node) -> Iterable[ir.Value]:
    return (value for value in node.inputs if value is not None and not value.is_initializer())


def _search(
    start: ir.Value,
    channels_last_perm: tuple[int, ...],
    nodes_at: Callable[[ir.Value], Iterable[ir.Node]],
    values_past: Callable[[ir.Node], Iterable[ir.Value]],
) -> str:
    """Walk away from *start*, nearest first, until an operator tells what the axes are."""
    if start.shape is None or len(start.shape) != 4:
        return ""
    queue, seen = [start], {id(start)}
    for value in queue:
        for node in nodes_at(value):
            if node.op_type in SPATIAL:
                return "NCHW"
            if node.op_type == "Transpose":
                perm = node.attributes.get_ints("perm", ())
                if tuple(perm) == channels_last_perm:
                    return "NHWC"
            if node.op_type not in AXES_KEPT:
                continue
            for onward in values_past(node):
                if id(onward) not in seen:
                    seen.add(id(onward))
                    queue.append(onward)
    return ""
