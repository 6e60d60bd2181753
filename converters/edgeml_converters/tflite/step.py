"""Steps: the nodes of an ONNX graph grouped as TFLite executes them.

A step is one node together with the activation that its operator can apply by itself, and the
decision whether it computes in integers. That decision is made here because it needs the
quantization around the node: what it reads from DequantizeLinear and what QuantizeLinear makes of
its output.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import onnx_ir as ir

from edgeml_converters.graph.attributes import clip_bounds, input_value
from edgeml_converters.graph.constants import static_shape
from edgeml_converters.graph.surgery import sole_reader
from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.program import Affine
from edgeml_converters.tflite.quantization import (
    affine_of,
    is_constant,
    is_dequantize,
    is_quantize,
    quantized_constant,
    written_affine,
)

# The activations that TFLite operators apply to their own result, by their bounds.
_FUSED_ACTIVATIONS = {
    (0.0, math.inf): "RELU",
    (0.0, 6.0): "RELU6",
    (-1.0, 1.0): "RELU_N1_TO_1",
}


_NOT_INT16 = frozenset(
    {
        *("DepthToSpace", "Gelu", "GlobalMaxPool", "HardSigmoid", "HardSwish", "PRelu"),
        *("ReduceMax", "ReduceMin", "Resize", "SpaceToDepth", "Upsample"),
    }
)
"""Operators that compute int8 and not int16; the kernels of all others were tried."""


@dataclass(frozen=True, eq=False)
class Step:
    """One node, its fused activation, and how it computes.

    Args:
        node: The ONNX node.
        output: The value written: the node's first output, or the one of its activation.
        activation: The name in TFLite's ``ActivationFunctionType``.
        affine: The quantization of the output when the step computes in integers, else ``None``.
        carried: The quantization of every float value that is held as integers so far.
    """

    node: ir.Node
    output: ir.Value
    activation: str = "NONE"
    affine: Affine | None = None
    carried: dict[ir.Value, Affine] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """The name of the node, or of what it writes."""
        return self.node.name or str(self.output.name)

    @property
    def integer(self) -> bool:
        """Whether the step computes in integers."""
        return self.affine is not None

    @property
    def outputs(self) -> tuple[ir.Value, ...]:
        """The values written."""
        return (self.output, *self.node.outputs[1:])

    def has(self, index: int) -> bool:
        """Whether an input is given."""
        return input_value(self.node, index) is not None

    def value(self, index: int) -> ir.Value:
        """Return an input that must be there."""
        value = input_value(self.node, index)
        if value is None:
            raise Refusal(f"its input {index} is missing")
        return value

    def shape(self, index: int = 0) -> tuple[int, ...]:
        """Return the ONNX shape of an input."""
        return shape_of(self.value(index))

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The ONNX shape of the output."""
        return shape_of(self.output)

    def data_inputs(self) -> Iterator[ir.Value]:
        """Yield the inputs that are computed at run time."""
        for value in self.node.inputs:
            if value is not None and not is_constant(value):
                yield value


def shape_of(value: ir.Value) -> tuple[int, ...]:
    """Return a shape, refusing one that is only known at run time."""
    shape = static_shape(value)
    if shape is None:
        raise Refusal(f"the shape of {value.name} is only known at run time")
    return shape


IntegerRule = Callable[[Step], Affine | None]
"""Given a step (its ``affine`` not set yet), the output's quantization if it can be integer."""


def plan(
    graph: ir.Graph,
    fuses_activation: Callable[[ir.Node], bool],
    integer_rule: Callable[[ir.Node], IntegerRule],
) -> list[Step]:
    """Group the nodes of a graph into steps, in the order of execution.

    Args:
        graph: In topological order.
        fuses_activation: Whether the operator of a node applies activations itself.
        integer_rule: The rule of the operator of a node.
    """
    steps: list[Step] = []
    carried: dict[ir.Value, Affine] = {}
    fused: set[ir.Node] = set()
    for node in graph:
        if node in fused:
            continue
        step = Step(node, node.outputs[0], carried=carried)
        if is_dequantize(node):
            affine = _carried_affine(node)
            if affine is not None:
                carried[node.outputs[0]] = affine
        elif fuses_activation(node):
            step = _with_activation(step, fused)
        affine = integer_rule(node)(step)
        if affine is not None and (affine.dtype == "int8" or node.op_type not in _NOT_INT16):
            step = Step(node, step.output, step.activation, affine, carried)
            carried[step.output] = affine
            others = (value for value in step.outputs[1:] if value.dtype == step.output.dtype)
            carried.update(dict.fromkeys(others, affine))
        steps.append(step)
    return steps


def _carried_affine(dequantize: ir.Node) -> Affine | None:
    """Return the quantization of integers that are read as they were made."""
    affine, source = affine_of(dequantize), dequantize.inputs[0]
    if affine is None or not affine.per_tensor or is_constant(dequantize.outputs[0]):
        return None
    maker = None if source is None else source.producer()
    made = affine_of(maker) if maker is not None and is_quantize(maker) else affine
    return affine if made == affine else None


def _with_activation(step: Step, fused: set[ir.Node]) -> Step:
    reader = sole_reader(step.output)
    if reader is None:
        return step
    bounds = activation_bounds(reader)
    if bounds not in _FUSED_ACTIVATIONS or input_value(reader, 0) is not step.output:
        return step
    fused.add(reader)
    return Step(step.node, reader.outputs[0], _FUSED_ACTIVATIONS[bounds], carried=step.carried)


def activation_bounds(node: ir.Node) -> tuple[float, float] | None:
    """Return the range that Relu or Clip confines to; ``None`` for other nodes."""
    if node.domain:
        return None
    if node.op_type == "Relu":
        return 0.0, math.inf
    return clip_bounds(node) if node.op_type == "Clip" else None


def never(step: Step) -> Affine | None:  # noqa: ARG001 - the signature is that of every rule
    """Rule of operators without an integer form."""
    return None


def any_scale(step: Step) -> Affine | None:
    """Rule of operators that rescale: inputs and output each have their own quantization.

    They are all of one type.
    """
    affine = written_affine(step.output)
    if affine is None:
        return None
    for value in step.node.inputs:
        if value is None:
            continue
        if value in step.carried:
            if step.carried[value].dtype != affine.dtype:
                return None
        elif value.dtype == ir.DataType.FLOAT and not _is_constant_of(value, affine.dtype):
            return None
    return affine


def _is_constant_of(value: ir.Value, dtype: str) -> bool:
    quantized = quantized_constant(value)
    return quantized is not None and quantized[1].per_tensor and quantized[0].dtype == dtype


def same_scale(step: Step) -> Affine | None:
    """Rule of operators that move or select elements: the output has the input's quantization."""
    found = {step.carried.get(value) for value in step.data_inputs()}
    return found.pop() if len(found) == 1 else None


def same_scale_written(step: Step) -> Affine | None:
    """Rule of operators that compute new elements but cannot rescale them."""
    affine = same_scale(step)
    return affine if affine is not None and affine == written_affine(step.output) else None


def fixed_output(scale: float, zero_point: int) -> IntegerRule:
    """Return the rule of operators whose integer form has one fixed output quantization.

    That is the one given for int8; for int16 it is 1/32768 always.
    """

    def rule(step: Step) -> Affine | None:
        affine = any_scale(step)
        allowed = (Affine((scale,), (zero_point,)), Affine((2.0**-15,), (0,), dtype="int16"))
        return affine if affine in allowed else None

    return rule
