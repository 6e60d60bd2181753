"""SOFTMAX, LOG_SOFTMAX and the normalizations over the last axis."""

from edgeml_converters.tflite_import.emitter import Emitter
from edgeml_converters.tflite_import.layout import AGNOSTIC, CHANNELS_FIRST
from edgeml_converters.tflite_import.registry import importing
from edgeml_converters.tflite_import.step import Step

_L2_EPSILON = 1e-6  # tensorflow/lite/kernels/internal/reference/l2normalization.h


def _last(step: Step, emit: Emitter) -> int:
    """Return where the last axis of the file lies in the order that the step works in."""
    return emit.layout.reads[step].place(-1, len(step.input().shape))


@importing("SOFTMAX", ports=AGNOSTIC)
def raise_softmax(step: Step, emit: Emitter) -> None:
    """Add a Softmax of the input times ``beta``."""
    source, beta = emit.input(step), float(str(step.option("beta", 1.0)))
    if beta != 1.0:
        source = emit.node("Mul", source, emit.number(beta))
    emit.output(step, emit.node("Softmax", source, axis=_last(step, emit)))


@importing("LOG_SOFTMAX", ports=AGNOSTIC)
def raise_log_softmax(step: Step, emit: Emitter) -> None:
    """Add a LogSoftmax."""
    emit.output(step, emit.node("LogSoftmax", emit.input(step), axis=_last(step, emit)))


@importing("L2_NORMALIZATION", ports=AGNOSTIC)
def raise_l2_normalization(step: Step, emit: Emitter) -> None:
    """Add a division by the length of the vector along the last axis, but at least 1e-6."""
    source = emit.input(step)
    axes = [_last(step, emit)]
    length = emit.node("ReduceL2", source, axes=axes, keepdims=1)
    bounded = emit.node("Max", length, emit.number(_L2_EPSILON))
    emit.output(step, emit.node("Div", source, bounded))


@importing("LOCAL_RESPONSE_NORMALIZATION", ports=CHANNELS_FIRST)
def raise_lrn(step: Step, emit: Emitter) -> None:
    """Add an LRN; its alpha is divided by the size of the window, TFLite's is not."""
    size = 2 * step.number_of("radius", 5) + 1
    made = emit.node(
        "LRN",
        emit.input(step),
        size=size,
        alpha=float(str(step.option("alpha", 1.0))) * size,
        beta=float(str(step.option("beta", 0.5))),
        bias=float(str(step.option("bias", 1.0))),
    )
    emit.output(step, made)
