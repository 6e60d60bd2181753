"""LRN: LOCAL_RESPONSE_NORMALIZATION over channels."""

from edgeml_converters.graph.attributes import float_attribute, int_attribute
from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.layout import CHANNELS_LAST
from edgeml_converters.tflite.registry import lowering
from edgeml_converters.tflite.step import Step


@lowering("LRN", ports=CHANNELS_LAST)
def lower_lrn(step: Step, emit: Emitter) -> None:
    """Write a local response normalization; only ONNX divides ``alpha`` by the window."""
    size = int_attribute(step.node, "size", 1)
    if size % 2 == 0 or len(step.shape()) != 4:
        raise Refusal("an even window, or another rank than four, has no TFLite form")
    emit.operator(
        "LOCAL_RESPONSE_NORMALIZATION",
        [emit.input(step, 0)],
        [emit.output(step)],
        radius=size // 2,
        bias=float_attribute(step.node, "bias", 1.0),
        alpha=float_attribute(step.node, "alpha", 1e-4) / size,
        beta=float_attribute(step.node, "beta", 0.75),
    )
