"""PAD, PADV2 and MIRROR_PAD."""

from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite_import.emitter import Emitter
from edgeml_converters.tflite_import.layout import AGNOSTIC
from edgeml_converters.tflite_import.registry import importing
from edgeml_converters.tflite_import.step import Step


@importing("MIRROR_PAD", "PAD", "PADV2", ports=AGNOSTIC)
def raise_pad(step: Step, emit: Emitter) -> None:
    """Add a Pad of all axes."""
    rank = len(step.output.shape)
    order = emit.layout.reads[step].permutation(rank)
    amounts = step.constant(1).reshape(rank, 2)
    pads = [int(amounts[axis, side]) for side in (0, 1) for axis in order]
    inputs = [emit.input(step), emit.integers("pads", pads)]
    mode = "constant"
    if step.operator.code == "MIRROR_PAD":
        if step.option("mode", "REFLECT") != "REFLECT":
            raise Refusal("only mirroring without the border element is supported")
        mode = "reflect"
    elif step.operator.code == "PADV2":
        inputs.append(emit.reshaped(emit.input(step, 2), ()))
    emit.output(step, emit.node("Pad", *inputs, mode=mode))
