"""Bias correction: rounded weights shift the mean of each output channel, and the bias takes that.

The shift is the sum of the rounding errors times the means of the inputs, which calibration saw
(Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019,
section 4.2, with measured means).
"""

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgeml_converters.graph.attributes import float_attribute, input_value
from edgeml_converters.graph.constants import add_constant
from edgeml_converters.quantize.affine import symmetric_weights
from edgeml_converters.quantize.constants import constant_floats
from edgeml_converters.quantize.observation import Channels, Floats
from edgeml_converters.quantize.weighted import BIAS, Weighted, replace_constant, weighted


def correct_biases(
    nodes: Iterable[ir.Node],
    means: Mapping[Channels, Floats],
    original: Mapping[str, npt.NDArray[np.float32]],
) -> None:
    """Change the biases of *nodes* such that rounded weights give the same means.

    Args:
        nodes: Those that will be computed in integers; changed in place. A Conv without a bias is
            given one. A MatMul has none: that of the Add behind it is changed, if it has a constant
            one.
        means: The means of the input channels.
        original: By the name of a node, the weights it had before other steps changed them.
    """
    for node in nodes:
        item = weighted(node)
        if item is None or item.channels not in means:
            continue
        shift = _shift(item, means[item.channels], original.get(node.name or ""))
        if node.op_type == "MatMul":
            _add_behind(node, shift)
        else:
            _add_to_bias(item, shift)


def _shift(
    item: Weighted, means: Floats, original: npt.NDArray[np.float32] | None
) -> npt.NDArray[np.float32]:
    """Return (outputs,): by how much the exact weights give more, on average, than the rounded."""
    matrices = item.matrices
    groups, outputs, taps = matrices.shape
    exact = matrices if original is None else original
    flat = matrices.reshape(groups * outputs, taps)
    rounded = symmetric_weights(flat, axis=0)
    restored = rounded.values * rounded.scales[:, None].astype(np.float64)
    errors = exact.reshape(flat.shape) - restored
    inputs = np.repeat(means.reshape(groups, -1), item.kernel_size, axis=1)
    shifts = np.einsum("got,gt->go", errors.reshape(matrices.shape), inputs)
    return np.asarray(shifts.reshape(-1), np.float32)


def _add_to_bias(item: Weighted, shift: npt.NDArray[np.float32]) -> None:
    node = item.node
    value = input_value(node, BIAS)
    alpha = np.float32(float_attribute(node, "alpha", 1.0))
    beta = np.float32(float_attribute(node, "beta", 1.0))
    if value is None:
        graph = node.graph
        assert isinstance(graph, ir.Graph)
        node.resize_inputs(BIAS + 1)
        node.replace_input_with(BIAS, add_constant(graph, f"{node.name}_bias", alpha * shift))
        node.attributes.pop("beta", None)
        return
    bias = constant_floats(value)
    if bias is not None and beta:
        replace_constant(node, BIAS, (bias.reshape(-1) + alpha / beta * shift).astype(np.float32))


def _add_behind(node: ir.Node, shift: npt.NDArray[np.float32]) -> None:
    """Add *shift* to the constant that the only reader of *node* adds to each row."""
    output = node.outputs[0]
    users = tuple(output.uses())
    if len(users) != 1 or output.is_graph_output() or users[0].node.op_type != "Add":
        return
    user, index = users[0]
    bias = constant_floats(user.inputs[1 - index])
    if bias is not None and bias.shape[-1:] == shift.shape and bias.size == shift.size:
        replace_constant(user, 1 - index, bias + shift.reshape(bias.shape))
