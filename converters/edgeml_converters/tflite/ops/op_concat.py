"""Concat: CONCATENATION."""

from edgeml_converters.graph.attributes import int_attribute
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.program import Affine, Tensor
from edgeml_converters.tflite.quantization import written_affine
from edgeml_converters.tflite.registry import lowering
from edgeml_converters.tflite.step import Step, same_scale


def _integer_rule(step: Step) -> Affine | None:
    """Inputs of other scales are requantized first, which rounds once, as the float form does."""
    if any(value not in step.carried for value in step.node.inputs):
        return None
    return written_affine(step.output) or same_scale(step)


@lowering("Concat", integer=_integer_rule)
def lower_concat(step: Step, emit: Emitter) -> None:
    """Write a concatenation along the axis as it lies in memory."""
    rank = len(step.output_shape)
    axis = emit.layout.reads[step].place(int_attribute(step.node, "axis", 1), rank)
    sources = [_rescaled(emit.input(step, i), step, emit) for i in range(len(step.node.inputs))]
    target = emit.output(step)
    if len(sources) == 1:
        emit.reshape(sources[0], target)
        return
    emit.operator("CONCATENATION", sources, [target], axis=axis, fused_activation_function="NONE")


def _rescaled(tensor: Tensor, step: Step, emit: Emitter) -> Tensor:
    if step.affine is None or tensor.affine == step.affine:
        return tensor
    rescaled = emit.like(tensor, "rescaled")
    rescaled.affine = step.affine
    emit.operator("QUANTIZE", [tensor], [rescaled])
    return rescaled
