"""BatchNormalization that could not be folded into weights: MUL and ADD."""

import numpy as np

from edgeml_converters.graph.passes.fuse_batch_norm import batch_norm_affine
from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.order import Order
from edgeml_converters.tflite.registry import lowering
from edgeml_converters.tflite.step import Step


@lowering("BatchNormalization", fuses_activation=True)
def lower_batch_norm(step: Step, emit: Emitter) -> None:
    """Write a factor and an offset per channel."""
    affine = batch_norm_affine(step.node)
    if affine is None:
        raise Refusal("its parameters are not constant, or it is in training mode")
    source, target = emit.input(step, 0), emit.output(step)
    rank = len(source.shape)
    along = [1] * rank
    along[emit.layout.reads[step].place(1, rank)] = -1
    shape = along if emit.layout.reads[step] is Order.SOURCE else [-1]
    factor, offset = (part.astype(np.float32).reshape(shape) for part in affine)
    scaled = emit.like(target, "scaled")
    emit.operator(
        "MUL",
        [source, emit.constant(f"{target.name}/factor", factor)],
        [scaled],
        fused_activation_function="NONE",
    )
    emit.operator(
        "ADD",
        [scaled, emit.constant(f"{target.name}/offset", offset)],
        [target],
        fused_activation_function=step.activation,
    )
