"""Pad with a constant: PAD and PADV2."""

import numpy as np

from edgeml_converters.graph.attributes import padding
from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.program import Affine
from edgeml_converters.tflite.registry import lowering
from edgeml_converters.tflite.step import Step, same_scale


def _integer_rule(step: Step) -> Affine | None:
    """Zero is the zero point; another fill need not be a multiple of the scale."""
    added = padding(step.node, len(step.shape()))
    zero = added is not None and added.value == 0.0
    return same_scale(step) if zero else None


@lowering("Pad", integer=_integer_rule)
def lower_pad(step: Step, emit: Emitter) -> None:
    """Write constant padding; negative amounts (cropping) and other modes are refused."""
    rank = len(step.shape())
    added = padding(step.node, rank)
    if added is None:
        raise Refusal("amounts that are computed at run time are not supported")
    if added.mode != "constant":
        raise Refusal(f"the mode {added.mode} is not supported")
    if min((*added.before, *added.after)) < 0:
        raise Refusal("negative padding (cropping) is not supported")
    source, target = emit.input(step, 0), emit.output(step)
    axes = emit.layout.reads[step].permutation(rank)
    amounts = np.array([(added.before[axis], added.after[axis]) for axis in axes], np.int32)
    pads = emit.constant(f"{target.name}/amounts", amounts)
    if added.value == 0.0:
        emit.operator("PAD", [source, pads], [target])
        return
    fill = emit.constant(f"{target.name}/fill", np.array([added.value], source.dtype))
    emit.operator("PADV2", [source, pads, fill], [target])
